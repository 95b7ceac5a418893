/*
 * skeleton_words.h - the words that the skeleton scanner knows. Private to decode.
 * A change of any list is a new SKELETON_VERSION.
 */
#ifndef TRIAGED_DECODE_SKELETON_WORDS_H
#define TRIAGED_DECODE_SKELETON_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum word_class {
    WORD_UNIT = 1 << 0,    /* after a number: swallowed with it */
    WORD_ZONE = 1 << 1,    /* after a time: swallowed with it */
    WORD_KEEP = 1 << 2,    /* a state that makes another alert: never variable as a value */
    WORD_TLD = 1 << 3,     /* the last label of a host name */
    WORD_USER = 1 << 4,    /* a user's name comes next */
    WORD_NO_NAME = 1 << 5, /* after "user": no name */
    WORD_NAME = 1 << 6,    /* always variable: names of hosts and interfaces without a digit */
    WORD_NAMED = 1 << 7,   /* "name: X": a name comes after the colon */
    WORD_BEFORE = 1 << 8,  /* "for", "by": a name may come next */
    WORD_PROCESS = 1 << 9, /* "process 7 (x)": the name varies as the number does; sudo's TTY */
    WORD_KIND = 1 << 11,   /* action=deny: a plain word as value is a kind of event, and stays */
    WORD_TEXT = 1 << 10,   /* msg="...": the value is the text of the message */
};

enum { SKELETON_WORD_MAX = 14 };

/* The classes of a word, ASCII case ignored; 0 for a word that is on no list. Sixteen bytes are
 * readable at p (LEX_PAD). */
unsigned skeleton_word(const char *p, size_t n);
/* A month or weekday of three letters: variable beside a number. */
bool skeleton_word_is_date(const char *p, size_t n);
/* The i-th word of the lists, or NULL: for the test that holds the index to the lists. */
const char *skeleton_word_at(size_t i, unsigned *out_classes);

#endif
