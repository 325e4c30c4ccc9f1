/* The filter of a cgroup v2's devices: a program that the kernel runs at open(2) and mknod(2). */
#include <linux/bpf.h>
#include <string.h>

#include "nacre.h"
#include "operations.h"

/* By this name an earlier filter of ours is known among those of others. */
static const char OURS[BPF_OBJ_NAME_LEN] = "nacre_devices";

static int k_bpf(enum bpf_cmd command, const union bpf_attr *a) {
  return (int)syscall(SYS_bpf, command, a, sizeof *a);
}

static uint64_t address(const void *p) { return (uint64_t)(uintptr_t)p; }

static int load(const char *instructions, uint32_t size) {
  union bpf_attr a;
  memset(&a, 0, sizeof a); /* to its end, which the kernel looks at */
  a.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  a.insns = address(instructions);
  a.insn_cnt = size / (uint32_t)sizeof(struct bpf_insn);
  a.license = address("Apache-2.0");
  memcpy(a.prog_name, OURS, sizeof OURS);
  return k_bpf(BPF_PROG_LOAD, &a);
}

static bool is_ours(int program) {
  struct bpf_prog_info info;
  union bpf_attr a;
  memset(&info, 0, sizeof info);
  memset(&a, 0, sizeof a);
  a.info.bpf_fd = (uint32_t)program;
  a.info.info_len = sizeof info;
  a.info.info = address(&info);
  return !k_bpf(BPF_OBJ_GET_INFO_BY_FD, &a) && !strcmp(info.name, OURS);
}

/* The filter that is at the cgroup, or -1. */
static int attached(int cgroup) {
  uint32_t ids[64]; /* as many as the kernel lets one cgroup have */
  union bpf_attr all, which;
  memset(&all, 0, sizeof all);
  memset(&which, 0, sizeof which);
  all.query.target_fd = (uint32_t)cgroup;
  all.query.attach_type = BPF_CGROUP_DEVICE;
  all.query.prog_ids = address(ids);
  all.query.prog_cnt = sizeof ids / sizeof *ids;
  if (k_bpf(BPF_PROG_QUERY, &all)) return -1;
  for (uint32_t i = 0; i < all.query.prog_cnt; i++) {
    which.prog_id = ids[i];
    int fd = k_bpf(BPF_PROG_GET_FD_BY_ID, &which);
    if (fd >= 0 && is_ours(fd)) return fd;
    if (fd >= 0) close(fd);
  }
  return -1;
}

/* In one step: there is no moment without a filter, and none with two. */
int attach_device_filter(const struct operation *o) {
  const struct argument *program = &o->argument[ATTACH_DEVICE_FILTER_INSTRUCTIONS];
  OWNED cgroup = open(text(o, ATTACH_DEVICE_FILTER_PATH), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (cgroup < 0) return because("open");
  OWNED filter = load(program->data, program->size);
  if (filter < 0) return because("bpf(BPF_PROG_LOAD)");
  for (int tries = 0;; tries++) {
    OWNED before = attached(cgroup);
    union bpf_attr a;
    memset(&a, 0, sizeof a);
    a.attach_type = BPF_CGROUP_DEVICE;
    a.attach_flags = BPF_F_ALLOW_MULTI;
    a.target_fd = (uint32_t)cgroup;
    a.attach_bpf_fd = (uint32_t)filter;
    if (before >= 0) {
      a.attach_flags |= BPF_F_REPLACE;
      a.replace_bpf_fd = (uint32_t)before;
    }
    if (!k_bpf(BPF_PROG_ATTACH, &a)) return 0;
    /* Another one was attached in its place meanwhile: that one is to be replaced. */
    if (errno != ENOENT || tries == 100) return because("bpf(BPF_PROG_ATTACH)");
  }
}
