/*
 * Preloaded into a node, sets its wall clock: the file that WALL_CLOCK_OFFSET names holds how many
 * seconds it differs from the true one, as a decimal number in 8 bytes. The monotonic clock stays right.
 * libfaketime does the same for anybody, but takes a lock per call: a node stood still for 0.4 s at times.
 *
 *   cc -shared -fPIC -O1 -o wall-clock.so wall-clock.c -ldl
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define BYTES 8

static const char *offset_text;
static int (*real_clock_gettime)(clockid_t, struct timespec *);

__attribute__((constructor)) static void map_offset(void) {
    const char *file = getenv("WALL_CLOCK_OFFSET");
    int fd = file == NULL ? -1 : open(file, O_RDONLY | O_CLOEXEC);
    real_clock_gettime = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    if (fd >= 0) {
        void *mapped = mmap(NULL, BYTES, PROT_READ, MAP_SHARED, fd, 0);
        offset_text = mapped == MAP_FAILED ? NULL : mapped;
        close(fd);
    }
}

static long offset(void) {
    char text[BYTES + 1] = {0};
    if (offset_text == NULL) {
        return 0;
    }
    memcpy(text, offset_text, BYTES);
    return atol(text);
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    if (real_clock_gettime == NULL) { /* Before the constructor ran. */
        real_clock_gettime = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    }
    int result = real_clock_gettime(clock, time);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        time->tv_sec += offset();
    }
    return result;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
    struct timespec now;
    (void)zone;
    int result = clock_gettime(CLOCK_REALTIME, &now);
    if (result == 0) {
        time->tv_sec = now.tv_sec;
        time->tv_usec = now.tv_nsec / 1000;
    }
    return result;
}

time_t time(time_t *to) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (to != NULL) {
        *to = now.tv_sec;
    }
    return now.tv_sec;
}
