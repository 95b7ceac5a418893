/*
 * thread.h - a thread beside the main one.
 */
#ifndef TRIAGED_BASE_THREAD_H
#define TRIAGED_BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>

/* name: at most 15 bytes, as ps and top show it. All signals are blocked in the thread: they belong
 * to the main one. False with errno. */
bool thread_start(pthread_t *thread, const char *name, void *(*run)(void *arg), void *arg);

#endif
