#ifndef NACRE_ROOM_H
#define NACRE_ROOM_H

/* Whether there is as much memory as a frozen Node may take. */
int has_room(void);

#endif
