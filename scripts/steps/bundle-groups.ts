// Which modules of the command line stand together in a bundle: those that the same commands use.
// A bundle is loaded when one of its members is first used (cli/bundle-loader.ts), and one more
// costs as much as 20 kB of code. What a command may load is held by test/cli/lazy-loading.test.ts.

import { matchesGlob, relative } from "node:path";
import { ROOT } from "./step.ts";

/** The first one that has a module's path gets it. */
const GROUPS: Readonly<Record<string, readonly string[]>> = {
  // -- the command line ---------------------------------------------------------------------------
  // What every call needs, and `version` nothing else.
  cli: [
    "\0rolldown/*",
    "\0@oxc-project*/**", // what stands for `using` where Node has none
    "cli/{entry,entry-point,main,catalog*,command,default-root,failure,flag-error,global-options,options}.ts",
    "cli/{plugins,package-root,process-host,signal-listeners,working-directory,write-all,hangup,notices,shown-while,proxy-variables,registry-options,version,commands/version,stop-timeout,detach-keys,container-selection,text/escape,interruption,limit-options}.ts",
    "cli/parse/{number,signal,time,filter,namespace-kind,environment,fields}.ts",
    "cli/package.json",
    "core/{error,namespace-kinds,oci/exposed-ports,program/signals,program/health-action}.ts",
  ],
  help: ["cli/{help,nearest}.ts", "node_modules/fastest-levenshtein/**"],
  // What exec reads of the command line, and run too.
  entering: ["cli/commands/exec.ts", "cli/{attachment,entering-options}.ts"],
  running: [
    "cli/commands/{run,create,explain,update,attach,ns-exec,ns-ls,ns-pin,volume-create,commit}.ts",
    "cli/{account,address,container,resource,mount,process,health,namespace,secret,security}-options.ts",
    "cli/{platform-options,written-file,published-ports,replacement,pull-display,container-id-file,text/size}.ts",
    "cli/parse/*.ts",
  ],
  acting: [
    "cli/commands/{settle,stop,kill,rm,wait,start,restart,pause,unpause,inspect,container-inspect,ps}.ts",
    "cli/{each-operand,supervisor-command,container-row,image-name,image-json,volume-json}.ts",
    "cli/text/{absent,go-shapes,container-shapes,listing,table,repaint,time,inspection}.ts",
  ],
  building: [
    "cli/commands/build.ts",
    "cli/{build-display,build-limits,build-options,build-output,build-words}.ts",
    "cli/created-at.ts",
  ],
  "kernel-view": [
    "engine/cgroups/!(layout).ts",
    "engine/namespaces/*.ts",
    "engine/observation.ts",
    "core/{cgroup-survey,cgroup-mount,program/pin,program/join}.ts",
    "cli/commands/{cgroup,ns}-*.ts",
    "cli/text/{cgroup-tree,css-sets,namespaces}.ts",
  ],
  simulated: ["backends/simulated/**", "cli/simulate/**", "cli/simulation*.ts"],
  // -- the engine ---------------------------------------------------------------------------------
  // What every engine is put together by, and its records of containers.
  engine: [
    "cli/light/*.ts",
    "cli/{composition,node-flags,frozen}.ts",
    "core/{when-used,random-hex,bytes,oci/empties,user-namespace/id-map,short-id,kernel-release,cgroup-layout,mountinfo,ports/*,program/{log-options,exit-record,health-check,hidden-paths,command-line,cgroup-parent,capabilities,user}}.ts",
    "engine/{module,assemble,cgroups/layout,event-bus,extensions,kernel-views,copies/opener,images/{paths,images-by-id},logs/drivers}.ts",
    "engine/containers/{containers,container-records,container-events,record-changes}.ts",
    "engine/containers/{reconcile,process-identity,looks,state,runtimes,cgroup-of,foreground,starts-and-ends,container-lookup,no-such-container,storage}.ts",
    "engine/copies/copy-claims.ts",
    "engine/{vanishing,filters,containers/filter,containers/record-refusals,containers/executing,containers/keepers}.ts",
    "backends/linux/{module,clock,files,files-error,make-directories,kernel,process}.ts",
    "backends/linux/{facts,sqlite,state-root,state-store,schema,init-binary,errno,addon,beneath}.ts",
    "plugins/loader/loader.ts",
  ],
  // For plugins.
  injection: ["node_modules/{inversify,@inversifyjs,reflect-metadata,tslib}/**"],
  // Only proxies are spoken to by it.
  proxy: ["node_modules/undici/**", "backends/linux/{undici,proxied-exchange}.ts"],
  // Trees of layers: of every COPY, and of what is pulled.
  layers: [
    "core/{image-tree,layer-index,layer-entry,layer-fault}.ts",
    "engine/images/own-layer-files.ts",
  ],
  // What gives an image its record, its documents and its name.
  making: [
    "engine/roots/new-image.ts",
    "engine/images/{image-recorder,documents,accounts}.ts",
    "engine/content/content-store.ts",
    "backends/linux/{file-writer,temporary-name}.ts",
  ],
  archives: [
    "engine/roots/!(view).ts",
    "engine/copies/!(opener|copy-claims|copy-rules|rest-view).ts",
    "core/tar-writer.ts",
    "cli/local-{files,nodes}.ts",
  ],
  // What makes steps that are not cached.
  steps: [
    "engine/build/{copy-members,copy-layer,copy-step,source-tree,add-sources,file-mode}.ts",
    "engine/build/{step-layer,step-container,step-mounts,cache-mounts,built-files}.ts",
    "engine/build/{cache-upkeep,passing-image,git-context,git-clone,address-context,tar-like}.ts",
    "core/dockerfile/{ignore,shell-pattern}.ts",
  ],
  builds: ["engine/build/**", "core/dockerfile/**", "core/oci/config-change.ts"],
  sharing: ["engine/sharing/!(view).ts", "engine/registry/uploads.ts"],
  // Who the users of a container are, where they are its own.
  users: [
    "engine/user-namespaces/*.ts",
    "core/user-namespace/subordinate-ids.ts",
    "core/program/account-lines.ts",
  ],
  // What compiles filters of system calls: loaded when one is not kept yet.
  filters: ["core/seccomp/!(version).ts", "core/oci/config-field.ts"],
  "cgroup-model": ["core/{cgroup,css-set,cpuset-list}.ts"],
  looking: [
    "engine/logs/!(json-file).ts",
    "engine/{event-filter,history}.ts",
    "engine/containers/{inspect*,processes,usage,log-lines,tree-size}.ts",
    "engine/unprivileged/members.ts",
  ],
  ending: [
    "engine/containers/{take-down,freezer,let-go,endings,restarts,pausing}.ts",
    "engine/volumes/*.ts",
    "backends/linux/remove-tree.ts",
    "core/program/freeze.ts",
  ],
  // What plans and endings have in common.
  undoing: ["core/program/{cgroup-plan,inverse}.ts"],
  // What says what a program does, or what stood in its way.
  explaining: [
    "core/program/{describe,mount-description,explained,printer,protections}.ts",
    "backends/linux/fault.ts",
  ],
  // What executes a command in a container, whether it is there or yet to be made.
  executing: [
    "core/program/{wire,wire-writer,wire-bits,argument-kinds,sysctls,become,spec}.ts",
    "core/program/{namespace-plan,security-labels}.ts",
    "core/user-namespace/own-spec.ts",
    "core/seccomp/version.ts",
    "engine/containers/{planner,plan-parts,system-call-filters,container-root,able,lent-namespaces}.ts",
    "engine/containers/{supervision,attached,accounts,request-check}.ts",
    "engine/networks/none.ts",
    "backends/linux/{launch,report}.ts",
  ],
  planning: [
    "core/program/!(attach-frames|device-filter*|bpf|runtime-*|usage|user).ts",
    "core/program/resources/*.ts",
    "core/cgroup-conversion.ts",
    "core/user-namespace/own-tree.ts",
    "engine/unprivileged/delegated.ts",
    "engine/{networks/*,logs/json-file}.ts",
    "engine/containers/{mounts,mount-sources,names-in-container}.ts",
    "engine/containers/{host-files,shared-memory,machine-facts,image-for}.ts",
    "engine/containers/{names,starting,start-failure,health-checks,user-chooser,host-image}.ts",
    "engine/containers/wait-program.ts",
  ],
  images: [
    "engine/images/{images,image-lookup,tag-platforms,layer-store,layer-source,roots,durability,pull-intent,bounded}.ts",
    "engine/registry/platform.ts",
    "engine/snapshotters/!(layer-program).ts",
    "backends/linux/random.ts",
    "engine/sharing/view.ts",
    "core/{core,reference,familiar-name,boundary,digest,oci/image}.ts",
  ],
  // -- the rest: other commands; pulls, and whatever else no container needs ----------------------
  commands: ["cli/**"],
  seldom: ["{core,engine,backends/linux,plugins/loader}/**"],
};

/** The same for the OCI runtime, which is started for every step of a container's life. */
const OCI_GROUPS: Readonly<Record<string, readonly string[]>> = {
  // What every command needs: records, cgroups, the machine.
  life: [
    "\0*/**",
    "cli/*.ts",
    "cli/text/escape.ts",
    "cli/parse/{number,signal}.ts",
    "cli/{entry-point,oci/entry}.ts",
    "cli/oci/{main,command,commands,composition,host,life,log,process-host}.ts",
    "cli/package.json",
    "core/*.ts",
    "core/ports/*.ts",
    "core/oci/runtime-spec.ts",
    "core/program/{freeze,cgroup-plan,cgroup-parent,signals,health-action}.ts",
    "core/program/resources/*.ts",
    "core/cgroup-conversion.ts",
    "engine/oci/{oci-runtime,record,machine,cgroup-tree}.ts",
    "engine/cgroups/layout.ts",
    "backends/linux/{clock,errno,files,files-error,make-directories,facts,init-binary,kernel,process,addon,beneath}.ts",
    "backends/linux/{device-number,temporary-name}.ts",
  ],
  removing: ["backends/linux/remove-tree.ts"],
  starting: ["backends/linux/{attach,begin}.ts", "core/program/attach-frames.ts"],
  // What plans a process.
  making: ["{cli,core,engine,backends/linux}/**"],
};

const groupsOf = (groups: Readonly<Record<string, readonly string[]>>) =>
  Object.entries(groups).map(([name, patterns], index, all) => ({
    name,
    test: (id: string) => patterns.some((pattern) => matchesGlob(relative(ROOT, id), pattern)),
    priority: all.length - index,
    includeDependenciesRecursively: false,
  }));

export const BUNDLE_GROUPS = groupsOf(GROUPS);
export const OCI_BUNDLE_GROUPS = groupsOf(OCI_GROUPS);
