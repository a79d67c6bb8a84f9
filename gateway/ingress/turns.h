/* Turns: who has used up its own waits in a ring until it comes round again. */
#pragma once

struct turn {
    struct turn *next, *previous; /* NULL: it does not wait */
};

struct turns {
    struct turn *first; /* who has waited longest */
};

void turns_wait(struct turns *turns, struct turn *turn);  /* nothing changes when it waits already */
void turns_leave(struct turns *turns, struct turn *turn); /* fine when it does not wait */
struct turn *turns_take(struct turns *turns);             /* it waits no more; NULL: nobody does */
