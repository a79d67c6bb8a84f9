/* The memory of OpenSSL, which runs out when a test says so, for the thread that says so. */
#pragma once

#include <openssl/crypto.h>
#include <pthread.h>
#include <stdlib.h>

static _Thread_local long openssl_allocations_left = -1; /* that succeed yet; negative: all */
static _Thread_local unsigned openssl_allocations_failed;

static inline bool
openssl_is_out_of_memory(void)
{
    if (openssl_allocations_left == 0) {
        openssl_allocations_failed++;
        return true;
    }
    openssl_allocations_left -= openssl_allocations_left > 0 ? 1 : 0;
    return false;
}

static inline void *
openssl_allocate(size_t bytes, const char *file, int line)
{
    (void)file;
    (void)line;
    return openssl_is_out_of_memory() ? NULL : malloc(bytes);
}

static inline void *
openssl_resize(void *memory, size_t bytes, const char *file, int line)
{
    (void)file;
    (void)line;
    return openssl_is_out_of_memory() ? NULL : realloc(memory, bytes);
}

static inline void
openssl_release(void *memory, const char *file, int line)
{
    (void)file;
    (void)line;
    free(memory);
}

/* First of all in main(): false once OpenSSL has memory. */
static inline bool
openssl_memory_begin(void)
{
    return CRYPTO_set_mem_functions(openssl_allocate, openssl_resize, openssl_release) == 1;
}

/* Runs it where nothing is kept from earlier digests. The function asserts nothing: cmocka's thread is another. */
static inline void
on_a_new_thread(void *(*function)(void *argument), void *argument)
{
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, function, argument), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
}
