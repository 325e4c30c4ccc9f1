// Why something is mounted in a container, for who reads its program.

export const DEVICE_WHY = "a device that every program expects";
/** Where nobody may make nodes, the machine's are bound. */
const BOUND_DEVICE = /^\/dev\/(null|zero|full|u?random|tty)$/;

const WHY: Readonly<Record<string, string>> = {
  "/proc": "processes of its own pid namespace, and nobody else's",
  "/dev": "an empty directory of devices, in memory",
  "/dev/pts": "terminals of its own",
  "/dev/shm": "shared memory of its own, limited in size",
  "/dev/mqueue": "message queues of its own ipc namespace",
  "/sys": "the kernel's devices and modules, to read",
  "/etc/hosts": "its own name and localhost",
  "/etc/hostname": "its own name",
  "/etc/resolv.conf": "where it asks for names",
  "/etc/localtime": "the time zone that was asked for",
};

export function whyMounted(destination: string): string {
  if (BOUND_DEVICE.test(destination)) return DEVICE_WHY;
  return WHY[destination] ?? "a mount that the user asked for";
}
