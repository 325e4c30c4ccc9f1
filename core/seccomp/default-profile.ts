// What containers may ask of the kernel unless they are told otherwise: a list of allowed calls,
// by what they are for; everything else is refused with EPERM. What is not on it changes the
// machine or its clock, loads code into the kernel, reaches around names and namespaces, or has
// had more holes than users. The effect is that of Docker's default; where it is stricter, a
// comment says why. Calls that need a capability come with it.

import type { ConditionalRule, SeccompProfile } from "./profile.ts";

const names = (...lines: string[]): string[] => lines.join(" ").split(" ");

const ALWAYS = [
  // files by name
  ...names(
    "access chdir chmod chown chown32 creat faccessat faccessat2 fchdir fchmodat fchmodat2 fchownat",
    "fstatat64 futimesat getcwd lchown lchown32 link linkat lstat lstat64 mkdir mkdirat mknod",
    "mknodat name_to_handle_at newfstatat open openat openat2 readlink readlinkat rename renameat",
    "renameat2 rmdir stat stat64 statfs statfs64 statx symlink symlinkat truncate truncate64 umask",
    "unlink unlinkat utime utimensat utimensat_time64 utimes",
  ),
  // files that are open
  ...names(
    "_llseek cachestat close close_range copy_file_range dup dup2 dup3 fadvise64 fadvise64_64",
    "fallocate fchmod fchown fchown32 fcntl fcntl64 fdatasync flock fstat fstat64 fstatfs fstatfs64",
    "fsync ftruncate ftruncate64 getdents getdents64 ioctl lseek pread64 preadv preadv2 pwrite64",
    "pwritev pwritev2 read readahead readv sendfile sendfile64 splice sync sync_file_range",
    "sync_file_range2 arm_sync_file_range arm_fadvise64_64 syncfs tee vmsplice write writev",
  ),
  // attributes and watches
  ...names(
    "fanotify_mark fgetxattr flistxattr fremovexattr fsetxattr getxattr getxattrat inotify_add_watch",
    "inotify_init inotify_init1 inotify_rm_watch lgetxattr listxattr listxattrat llistxattr",
    "lremovexattr lsetxattr removexattr removexattrat setxattr setxattrat",
  ),
  // waiting for several things
  ...names(
    "_newselect epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2",
    "epoll_wait epoll_wait_old eventfd eventfd2 io_cancel io_destroy io_getevents io_pgetevents",
    "io_pgetevents_time64 io_setup io_submit pipe pipe2 poll ppoll ppoll_time64 pselect6",
    "pselect6_time64 select signalfd signalfd4",
  ),
  // sockets; `socket` itself has a rule of its own
  ...names(
    "accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom recvmmsg",
    "recvmmsg_time64 recvmsg send sendmmsg sendmsg sendto setsockopt shutdown socketcall socketpair",
  ),
  // messages, semaphores and shared memory
  ...names(
    "futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake get_robust_list ipc",
    "mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend",
    "mq_timedsend_time64 mq_unlink msgctl msgget msgrcv msgsnd semctl semget semop semtimedop",
    "semtimedop_time64 set_robust_list shmat shmctl shmdt shmget",
  ),
  // memory
  ...names(
    "brk madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mlock mlock2 mlockall",
    "mmap mmap2 mprotect mremap mseal msync munlock munlockall munmap pkey_alloc pkey_free",
    "pkey_mprotect process_mrelease remap_file_pages",
  ),
  // processes, threads and their limits
  ...names(
    "execve execveat exit exit_group fork get_thread_area getcpu getitimer getpgid getpgrp getpid",
    "getppid getpriority getrlimit getrusage getsid gettid ioprio_get ioprio_set pidfd_open",
    "pidfd_send_signal prctl prlimit64 rseq sched_get_priority_max sched_get_priority_min",
    "sched_getaffinity sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval",
    "sched_rr_get_interval_time64 sched_setaffinity sched_setattr sched_setparam sched_setscheduler",
    "sched_yield set_thread_area set_tid_address setpgid setpriority setrlimit setsid ugetrlimit",
    "vfork wait4 waitid waitpid",
  ),
  // who a process is, and what it gives up
  ...names(
    "capget capset getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32",
    "getresgid getresgid32 getresuid getresuid32 getuid getuid32 landlock_add_rule",
    "landlock_create_ruleset landlock_restrict_self seccomp setfsgid setfsgid32 setfsuid setfsuid32",
    "setgid setgid32 setgroups setgroups32 setregid setregid32 setresgid setresgid32 setresuid",
    "setresuid32 setreuid setreuid32 setuid setuid32",
  ),
  // signals
  ...names(
    "kill pause restart_syscall rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo",
    "rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo sigaltstack",
    "sigprocmask sigreturn tgkill tkill uretprobe",
  ),
  // time to read, and to wait for
  ...names(
    "adjtimex alarm clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime",
    "clock_gettime64 clock_nanosleep clock_nanosleep_time64 gettimeofday nanosleep setitimer time",
    "timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime",
    "timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime",
    "timerfd_settime64 times",
  ),
  // the machine, to read
  ...names("getrandom sysinfo uname"),
  // debuggers: since Linux 4.8 a tracer is asked by its tracee's filter too
  ...names("process_vm_readv process_vm_writev ptrace"),
];

/** By the architecture alone. */
const OF_ARCHITECTURES: ConditionalRule[] = [
  { names: names("arch_prctl modify_ldt"), only: ["amd64", "386"] },
  { names: names("breakpoint cacheflush set_tls"), only: ["arm", "arm64"] },
  { names: names("riscv_flush_icache riscv_hwprobe"), only: ["riscv64"] },
].map(({ names: calls, only }) => ({
  names: calls,
  action: "SCMP_ACT_ALLOW",
  includes: { arches: only },
}));

/** What a capability is for is refused without it, before the kernel itself looks. */
const WITH_CAPABILITIES: Readonly<Record<string, string[]>> = {
  CAP_SYS_ADMIN: names(
    "bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick listmount lookup_dcookie mount",
    "mount_setattr move_mount open_tree open_tree_attr perf_event_open quotactl quotactl_fd",
    "setdomainname sethostname setns statmount syslog umount umount2 unshare",
  ),
  CAP_BPF: ["bpf"],
  CAP_DAC_READ_SEARCH: ["open_by_handle_at"],
  CAP_PERFMON: ["perf_event_open"],
  CAP_SYSLOG: ["syslog"],
  CAP_SYS_BOOT: ["reboot"],
  CAP_SYS_CHROOT: ["chroot"],
  CAP_SYS_MODULE: names("delete_module finit_module init_module"),
  CAP_SYS_NICE: names("get_mempolicy mbind set_mempolicy set_mempolicy_home_node"),
  CAP_SYS_PACCT: ["acct"],
  CAP_SYS_PTRACE: names("kcmp pidfd_getfd process_madvise"),
  CAP_SYS_RAWIO: names("ioperm iopl"),
  CAP_SYS_TIME: names("clock_settime clock_settime64 settimeofday stime"),
  CAP_SYS_TTY_CONFIG: ["vhangup"],
};

/** CLONE_NEW* but for time, whose flag is a signal's number there: no namespaces of one's own. */
const NEW_NAMESPACES = 0x7e02_0000;
const AF_VSOCK = 40;
const AF_ALG = 38;
const ENOSYS = 38;
const INT = 0xffff_ffff;

/** The kernel reads an `int`: whatever stands above it must not hide what it says. */
const isFamily = (family: number) =>
  [{ index: 0, op: "SCMP_CMP_MASKED_EQ", value: INT, valueTwo: family }] as const;

const BY_ARGUMENTS: ConditionalRule[] = [
  // AF_VSOCK reaches the hypervisor of the machine, whatever network namespace asks. AF_ALG is the
  // kernel's cryptography, whose parsers have let people out more than once.
  { names: ["socket"], action: "SCMP_ACT_ERRNO", args: isFamily(AF_VSOCK) },
  {
    ...{ names: ["socket"], action: "SCMP_ACT_ERRNO", errnoRet: 97, args: isFamily(AF_ALG) },
    comment: "EAFNOSUPPORT, so that programs take a cipher of their own",
  },
  {
    ...{ names: ["socket"], action: "SCMP_ACT_ALLOW" },
    args: [{ index: 0, op: "SCMP_CMP_GE", value: 0 }],
  },
  // personality(2): the usual one, 32-bit addresses and UNAME26, and to be asked.
  ...[0, 0x8, 0x2_0000, 0x2_0008, INT].map(
    (value): ConditionalRule => ({
      ...{ names: ["personality"], action: "SCMP_ACT_ALLOW" },
      args: [{ index: 0, op: "SCMP_CMP_EQ", value }],
    }),
  ),
  {
    ...{ names: ["clone"], action: "SCMP_ACT_ALLOW" },
    args: [{ index: 0, op: "SCMP_CMP_MASKED_EQ", value: NEW_NAMESPACES, valueTwo: 0 }],
    excludes: { caps: ["CAP_SYS_ADMIN"] },
  },
  {
    ...{ names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: ENOSYS },
    comment: "its flags are behind a pointer; C libraries take clone instead",
    excludes: { caps: ["CAP_SYS_ADMIN"] },
  },
];

/** With every change of it DEFAULT_PROFILE_VERSION is raised (version.ts). */
export const DEFAULT_PROFILE: SeccompProfile = {
  defaultAction: "SCMP_ACT_ERRNO",
  defaultErrnoRet: 1,
  archMap: [
    {
      architecture: "SCMP_ARCH_X86_64",
      subArchitectures: ["SCMP_ARCH_X86", "SCMP_ARCH_X32"],
    },
    { architecture: "SCMP_ARCH_AARCH64", subArchitectures: ["SCMP_ARCH_ARM"] },
  ],
  syscalls: [
    { names: ALWAYS, action: "SCMP_ACT_ALLOW" },
    ...OF_ARCHITECTURES,
    ...Object.entries(WITH_CAPABILITIES).map(
      ([capability, calls]): ConditionalRule => ({
        ...{ names: calls, action: "SCMP_ACT_ALLOW" },
        includes: { caps: [capability] },
      }),
    ),
    ...BY_ARGUMENTS,
  ],
};
