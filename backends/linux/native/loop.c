/* Loop devices: block devices over files, for file systems that take nothing else. */
#include <linux/loop.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "nacre.h"

/*
 * Puts a read-only loop device over a file, writes the device's path to `name` and gives a
 * descriptor of it. With its last descriptor and its last mount the device lets go of the file
 * (AUTOCLEAR): so no failure and no kill leaves one behind. Who asks for a free device does not
 * have it yet: somebody may be faster, which is EBUSY.
 */
int attach_loop(const char *path, char name[LOOP_NAME]) {
  OWNED file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return because("open %s", path);
  OWNED control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
  if (control < 0) return because("open /dev/loop-control");
  struct loop_config config = {
    .fd = (unsigned)file,
    .block_size = 512,
    .info.lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR,
  };
  for (int tries = 0; tries < 1000; tries++) {
    int number = ioctl(control, LOOP_CTL_GET_FREE);
    if (number < 0) return because("LOOP_CTL_GET_FREE");
    snprintf(name, LOOP_NAME, "/dev/loop%d", number);
    int device = open(name, O_RDONLY | O_CLOEXEC);
    if (device < 0) return because("open %s", name);
    if (ioctl(device, LOOP_CONFIGURE, &config) == 0) return device;
    close_owned(&device);
    if (errno != EBUSY) return because("LOOP_CONFIGURE %s over %s", name, path);
  }
  return because("no loop device is free for %s", path);
}
