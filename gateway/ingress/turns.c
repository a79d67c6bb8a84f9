/* The ring of those who wait for their turn. */
#include "ingress/turns.h"

#include <stddef.h>

void
turns_wait(struct turns *turns, struct turn *turn)
{
    if (turn->next != NULL) {
        return;
    }
    if (turns->first == NULL) {
        turn->next = turn;
        turn->previous = turn;
        turns->first = turn;
        return;
    }
    turn->next = turns->first;
    turn->previous = turns->first->previous;
    turn->previous->next = turn;
    turn->next->previous = turn;
}

void
turns_leave(struct turns *turns, struct turn *turn)
{
    if (turn->next == NULL) {
        return;
    }
    if (turns->first == turn) {
        turns->first = turn->next == turn ? NULL : turn->next;
    }
    turn->next->previous = turn->previous;
    turn->previous->next = turn->next;
    *turn = (struct turn){NULL, NULL};
}

struct turn *
turns_take(struct turns *turns)
{
    struct turn *turn = turns->first;

    if (turn != NULL) {
        turns_leave(turns, turn);
    }
    return turn;
}
