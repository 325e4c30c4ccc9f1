/*
 * Two libraries that inflate, looked up when first needed: neither is linked, and no header of
 * theirs must be there when this is built. What is declared here is what their callers allocate,
 * so it cannot change below the same soname; a trial with known bytes (inflate.c) still comes
 * before the first use.
 */
#ifndef NACRE_LIBRARIES_H
#define NACRE_LIBRARIES_H
#include <stdint.h>

/* ISA-L 2, isa-l/igzip_lib.h: struct inflate_state. */
struct isal_state {
  uint8_t *next_out;
  uint32_t avail_out, total_out;
  uint8_t *next_in;
  uint64_t read_in;
  uint32_t avail_in;
  int32_t read_in_length;
  uint8_t huffman_codes[21120];
  int32_t block_state;
  uint32_t dict_length, bfinal, crc_flag;
  uint8_t rest[112 * 1024]; /* it has 66,192 bytes more in 2.30; room to spare costs nothing */
};
enum { ISAL_GZIP = 1, ISAL_BLOCK_FINISH = 5 };

struct isal {
  void (*init)(struct isal_state *);  /* isal_inflate_init */
  int (*step)(struct isal_state *);   /* isal_inflate: below 0 for damaged input */
};

/* zlib 1, zlib.h: z_stream. */
struct zlib_state {
  const uint8_t *next_in;
  unsigned avail_in;
  unsigned long total_in;
  uint8_t *next_out;
  unsigned avail_out;
  unsigned long total_out;
  const char *message;
  void *internal, *allocate, *release, *opaque;
  int data_type;
  unsigned long adler, reserved;
};
enum { ZLIB_GZIP = 15 + 16, Z_STREAM_END = 1, Z_BUF_ERROR = -5 };

struct zlib {
  int (*init)(struct zlib_state *, int window_bits, const char *version, int size); /* inflateInit2_ */
  int (*reset)(struct zlib_state *);
  int (*step)(struct zlib_state *, int flush); /* inflate */
  int (*end)(struct zlib_state *);
};

#endif
