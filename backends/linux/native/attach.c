/*
 * Those who have attached to a detached container, at a socket that root alone can reach and that
 * has a name in the state root, not an abstract one, which every process of the same network
 * namespace could reach (CVE-2020-15257). Frames have docker's header: a kind, three zeros, the
 * size (big-endian). They get what the container writes from now on (1 standard output, 2 standard
 * error) and send input (0) and their window's rows and columns (1). Where one of them is slow the
 * container waits, as it does for a terminal: so nobody loses anything.
 */
#include <endian.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "supervise.h"

enum { FRAME = 8, INPUT = 0, WINDOW = 1, ROOM = 2 * (FRAME + sizeof(((struct stream *)0)->data)) };
static struct client {
  int fd;
  bool left, heard; /* who has left is kept until the container has what was sent, or for a newcomer */
  size_t taken, queued;
  char in[FRAME + 4096], out[2 * ROOM]; /* `out` holds what two streams give at once, and as much more */
} *clients[CLIENTS];
static int listener = -1;
static char *socket_path;

int attach_listen(const char *path) {
  if (!*path) return 0;
  listener = listen_at(path, CLIENTS);
  if (listener < 0) return -1;
  fcntl(listener, F_SETFL, O_NONBLOCK);
  socket_path = strdup(path);
  return 0;
}

static void drop(int i) {
  close(clients[i]->fd);
  free(clients[i]);
  clients[i] = NULL;
}

void attach_close(void) {
  if (socket_path) unlink(socket_path);
  if (listener >= 0) close(listener);
  listener = -1;
  for (int i = 0; i < CLIENTS; i++)
    if (clients[i]) drop(i);
}

static void welcome(void) {
  int i = 0, fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  while (i < CLIENTS && clients[i]) i++;
  if (i == CLIENTS)
    for (i = 0; i < CLIENTS && !clients[i]->left;) i++;
  if (fd >= 0 && i < CLIENTS && clients[i]) drop(i);
  if (fd >= 0 && i < CLIENTS && (clients[i] = calloc(1, sizeof **clients))) clients[i]->fd = fd;
  else if (fd >= 0) close(fd);
}

/* Whole frames, as long as what was sent before has reached the container. False for nonsense. */
static bool take_frames(struct client *c, struct stream *to) {
  while (c->taken >= FRAME && to->sent == to->used) {
    uint32_t size;
    memcpy(&size, c->in + 4, 4);
    size = be32toh(size);
    if (size > sizeof c->in - FRAME) return false;
    if (c->taken < FRAME + size) return true;
    if (c->in[0] == WINDOW && size == 4) {
      uint16_t window[2];
      memcpy(window, c->in + FRAME, 4);
      struct winsize wanted = {.ws_row = be16toh(window[0]), .ws_col = be16toh(window[1])};
      ioctl(self.terminal, TIOCSWINSZ, &wanted);
    } else if (c->in[0] == INPUT && to->to >= 0) {
      memcpy(to->data, c->in + FRAME, size);
      to->used = size;
      to->sent = 0;
    }
    c->taken -= FRAME + size;
    memmove(c->in, c->in + FRAME + size, c->taken);
  }
  return true;
}

/* What to wait for; false if somebody has no room for more output. */
bool attach_poll(struct pollfd *ready, struct stream *input) {
  bool room = true;
  ready[CLIENTS] = (struct pollfd){listener, POLLIN, 0};
  for (int i = 0; i < CLIENTS; i++) {
    bool sense = clients[i] && take_frames(clients[i], input);
    if (clients[i] && (!sense || (clients[i]->heard && input->sent == input->used))) drop(i);
    struct client *c = clients[i];
    ready[i].fd = -1;
    if (!c || c->heard) continue;
    ready[i].events = (short)((c->taken < sizeof c->in ? POLLIN : 0) | (c->queued ? POLLOUT : 0));
    if (ready[i].events || !c->left) ready[i].fd = c->fd; /* an end is told again and again */
    room &= c->queued <= ROOM;
  }
  return room;
}

void attach_relay(const struct pollfd *ready) {
  for (int i = 0; i < CLIENTS; i++) {
    struct client *c = clients[i];
    short what = ready[i].revents;
    if (!c || !what) continue;
    ssize_t out = what & POLLOUT ? send(c->fd, c->out, c->queued, MSG_NOSIGNAL) : 0;
    if (out > 0) memmove(c->out, c->out + out, c->queued -= (size_t)out);
    ssize_t in = what & POLLIN ? recv(c->fd, c->in + c->taken, sizeof c->in - c->taken, 0) : 0;
    if (in > 0) c->taken += (size_t)in;
    c->heard = in < 0 || (in == 0 && what & POLLIN); /* nothing where something was promised */
    c->left |= c->heard || what & POLLHUP;
    if (c->left) c->queued = 0;
  }
  if (ready[CLIENTS].revents) welcome();
}

void attach_output(int kind, const char *data, size_t size) {
  char header[FRAME] = {(char)kind};
  uint32_t big = htobe32((uint32_t)size);
  memcpy(header + 4, &big, 4);
  for (int i = 0; i < CLIENTS; i++) {
    struct client *c = clients[i];
    if (!c || c->left) continue;
    memcpy(c->out + c->queued, header, FRAME);
    memcpy(c->out + c->queued + FRAME, data, size);
    c->queued += FRAME + size;
  }
}

bool attach_pending(void) {
  for (int i = 0; i < CLIENTS; i++)
    if (clients[i] && clients[i]->queued) return true;
  return false;
}
