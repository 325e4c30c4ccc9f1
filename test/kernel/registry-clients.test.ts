// `nacre registry serve` beside docker, podman, skopeo and Nacre itself: each pushes to it and pulls
// from it, in the open on loopback and with TLS and passwords, layers by gzip and by zstd. What
// one has pushed is what all others pull.

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PeerMissing } from "../../benchmarks/peers/command.ts";
import { type Docker, startDocker } from "../../benchmarks/peers/docker.ts";
import { busyboxImage } from "../images/busybox.ts";
import { CACHED_TAG } from "../images/cache.ts";
import { writeLayout } from "../images/layout.ts";
import { tar } from "../images/tar.ts";
import { Bench, NACRE } from "./engine-bench.ts";
import { has, run } from "./programs.ts";
import { served } from "./served.ts";

/** `ada` with the password `open sesame`, by bcrypt. */
const HTPASSWD = "ada:$2y$04$.rjyCRyXMtJQItAS8BfJJeVzxBDlN9ht/gzIk1BVUbgoPDKkqftJS\n";
const ADA = "ada:open sesame";
const IMAGE_BYTES = "a second layer\n";

let folder: string;
let layout: string;
/** An archive of the same image, which docker and podman load. */
let archive: string;
let id: string;
let bench: Bench;
let docker: Docker | undefined;
let missing = "docker is not installed";

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "nacre-clients-"));
  layout = join(folder, "layout");
  archive = join(folder, "image.tar");
  const busybox = busyboxImage();
  const second = tar([{ name: "etc/motd", content: IMAGE_BYTES }]);
  await writeLayout(layout, CACHED_TAG, {
    ...busybox,
    layers: [...busybox.layers, { tar: second, createdBy: "motd" }],
  });
  run("skopeo", "copy", "-q", `oci:${layout}:${CACHED_TAG}`, `docker-archive:${archive}:given:1`);
  const raw = run("skopeo", "inspect", "--raw", `oci:${layout}:${CACHED_TAG}`);
  id = JSON.parse(raw).config.digest;
  bench = await Bench.make();
  try {
    docker = await startDocker(join(folder, "docker"));
  } catch (error) {
    if (!(error instanceof PeerMissing)) throw error;
    missing = error.message;
  }
}, 120_000);
afterAll(async () => {
  await docker?.[Symbol.asyncDispose]();
  await bench[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

interface Client {
  /** Makes sure that it has the image, and pushes it under a name. */
  push(name: string): void;
  /** Forgets it, and pulls it. Returns its ID. */
  pull(name: string): string;
}

/** What the clients must know of a server. */
interface Secured {
  readonly certificates: string;
  readonly authority: string;
}

function skopeo(secured: Secured | undefined): Client {
  const reach = (side: string) =>
    secured
      ? [`--${side}-creds`, ADA, `--${side}-cert-dir`, secured.certificates]
      : [`--${side}-tls-verify=false`];
  const source = `oci:${layout}:${CACHED_TAG}`;
  return {
    push: (name) => run("skopeo", "copy", "-q", ...reach("dest"), source, `docker://${name}`),
    pull(name) {
      const target = `oci:${join(folder, "pulled")}:x`;
      rmSync(join(folder, "pulled"), { recursive: true, force: true });
      run("skopeo", "copy", "-q", ...reach("src"), `docker://${name}`, target);
      return JSON.parse(run("skopeo", "inspect", "--raw", target)).config.digest;
    },
  };
}

function podman(secured: Secured | undefined, compression = "gzip"): Client {
  const store = ["--root", join(folder, "podman"), "--runroot", join(folder, "run")];
  const does = (...args: string[]) => run("podman", ...store, "--storage-driver", "vfs", ...args);
  const reach = secured
    ? ["--creds", ADA, "--cert-dir", secured.certificates]
    : ["--tls-verify=false"];
  const forget = () => does("rmi", "-a", "-f");
  return {
    push(name) {
      does("load", "-q", "-i", archive);
      const how = ["--format", "oci", "--compression-format", compression];
      does("push", "-q", ...reach, ...how, "given:1", name);
      forget();
    },
    pull(name) {
      does("pull", "-q", ...reach, name);
      const found = `sha256:${does("image", "inspect", "--format", "{{.Id}}", name).trim()}`;
      forget();
      return found;
    },
  };
}

/** Loopback's certificates dockerd takes as they are. */
function dockerClient(secured: Secured | undefined): Client {
  const does = (...args: string[]) => docker!.output(...args);
  const [user, password] = ADA.split(":") as [string, string];
  const entered = (name: string) => {
    if (!secured) return;
    does("login", "-u", user, "-p", password, name.slice(0, name.indexOf("/")));
  };
  return {
    push(name) {
      entered(name);
      does("load", "-q", "-i", archive);
      does("tag", "given:1", name);
      does("push", "-q", name);
      does("rmi", "-f", name, "given:1");
    },
    pull(name) {
      entered(name);
      does("pull", "-q", name);
      const found = does("image", "inspect", "--format", "{{.Id}}", name).trim();
      does("rmi", "-f", name);
      return found;
    },
  };
}

function nacre(secured: Secured | undefined, ...pushing: string[]): Client {
  const root = join(folder, "nacre");
  const config = join(folder, "nacre-config");
  mkdirSync(config, { recursive: true });
  const environment = {
    ...{ ...process.env, DOCKER_CONFIG: config },
    ...(secured && { SSL_CERT_FILE: secured.authority }),
  };
  const [user, password] = ADA.split(":") as [string, string];
  const does = (input: string, ...args: string[]) =>
    execFileSync(NACRE, ["--root", root, ...args], {
      ...{ encoding: "utf8", input, env: environment, stdio: ["pipe", "pipe", "pipe"] },
    });
  const entered = (name: string) => {
    if (!secured) return;
    does(password, "login", "-u", user, "--password-stdin", name.slice(0, name.indexOf("/")));
  };
  return {
    push(name) {
      entered(name);
      does("", "load", "-q", "-i", archive);
      does("", "tag", "given:1", name);
      does("", "push", "-q", ...pushing, name);
      does("", "rmi", "-f", name, "given:1");
    },
    pull(name) {
      entered(name);
      does("", "pull", "-q", name);
      const found = does("", "images", "-q", "--no-trunc", name).trim();
      does("", "rmi", "-f", name);
      return found;
    },
  };
}

const CLIENTS = {
  // First: what a registry has in another form podman does not send anew.
  "podman, with zstd": (secured: Secured | undefined) => podman(secured, "zstd"),
  skopeo,
  podman,
  docker: dockerClient,
  nacre,
  "nacre, with zstd": (secured: Secured | undefined) => nacre(secured, "--compression", "zstd"),
} as const;
/** dockerd reads zstd from version 23 on. */
const readsZstd = () => Number(/version (\d+)[^;]*$/.exec(docker?.version ?? "")?.[1] ?? 0) >= 23;

/** Every client pushes, and every client pulls what each has pushed. */
function exchanges(address: () => string, secured: () => Secured | undefined, root: () => string) {
  it.for(Object.keys(CLIENTS) as (keyof typeof CLIENTS)[])(
    "takes what %s pushes, and gives it to all",
    { timeout: 120_000 },
    async (pusher, { skip }) => {
      if (pusher.startsWith("podman") && !has("podman")) skip("podman is not installed");
      if (pusher === "docker" && !docker) skip(missing);
      const path = `from/${pusher.replaceAll(/\W+/g, "-")}`;
      const name = `${address()}/${path}:1`;
      CLIENTS[pusher](secured()).push(name);
      const listed = await bench.nacre(["images", "-q", "--no-trunc", `${path}:1`], {
        root: root(),
      });
      const own = listed.stdout.trim();
      const manifest = ["--format", "{{.Descriptor.digest}}", `${path}:1`];
      const digest = (await bench.nacre(["image", "inspect", ...manifest], { root: root() }))
        .stdout;
      const [, hex = ""] = digest.trim().split(":");
      const types = readFileSync(join(root(), "blobs", "sha256", hex), "utf8");
      const zstd = types.includes("tar+zstd");
      if (pusher.endsWith("zstd")) expect(zstd).toBe(true);
      // podman and docker write a config of their own when they load an archive; its layers are the same.
      expect(own).toMatch(/^sha256:/);
      if (["skopeo", "nacre"].includes(pusher)) expect(own).toBe(id);
      const pullers = Object.keys(CLIENTS).filter((one) => {
        if (one.includes("zstd") || (one === "podman" && !has("podman"))) return false;
        return one !== "docker" || (docker !== undefined && (!zstd || readsZstd()));
      }) as (keyof typeof CLIENTS)[];
      for (const puller of pullers) {
        expect(CLIENTS[puller](secured()).pull(name), `${puller} of ${pusher}`).toBe(own);
      }
      const motd = ["run", "--rm", "--network", "none", `${path}:1`, "cat", "/etc/motd"];
      expect((await bench.nacre(motd, { root: root() })).stdout).toBe(IMAGE_BYTES);
      expect((await bench.nacre(["system", "check"], { root: root() })).code).toBe(0);
    },
  );
}

describe("nacre registry serve, in the open on loopback", () => {
  let server: Awaited<ReturnType<typeof served>>;
  const root = () => join(folder, "open");
  beforeAll(async () => {
    server = await served(root());
  });
  afterAll(() => server.stop());
  exchanges(
    () => server.address,
    () => undefined,
    root,
  );
});

describe("nacre registry serve, with TLS and passwords", () => {
  let server: Awaited<ReturnType<typeof served>>;
  let secured: Secured;
  const root = () => join(folder, "secured");
  beforeAll(async () => {
    const certificates = join(folder, "certificates");
    mkdirSync(certificates);
    const [certificate, key] = [join(certificates, "ca.crt"), join(folder, "key.pem")];
    run(
      "openssl",
      ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
      ...["-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=127.0.0.1"],
      ...["-addext", "subjectAltName=IP:127.0.0.1"],
    );
    const htpasswd = join(folder, "htpasswd");
    writeFileSync(htpasswd, HTPASSWD);
    const tls = ["--tls-cert", certificate, "--tls-key", key];
    server = await served(root(), "--htpasswd", htpasswd, ...tls);
    secured = { certificates, authority: certificate };
  });
  afterAll(() => server.stop());

  exchanges(
    () => server.address,
    () => secured,
    root,
  );

  it("lets in nobody with another password, or none", () => {
    const reach = ["--dest-cert-dir", secured.certificates];
    for (const credentials of [[], ["--dest-creds", "ada:another"]]) {
      const words = [...reach, ...credentials, `oci:${layout}:${CACHED_TAG}`];
      expect(() =>
        run("skopeo", "copy", "-q", ...words, `docker://${server.address}/from/nobody:1`),
      ).toThrow(/unauthorized|authentication required|invalid username/i);
    }
  });
});
