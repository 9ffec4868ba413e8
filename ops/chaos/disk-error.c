/*
 * Preloaded into a node, makes its disk fail. The file that DISK_ERROR_ORDER names says how, in one
 * line: some of r (read), w (write) and s (sync), a blank, and a folder. While that file exists, these
 * calls fail with EIO on every file in the folder. Instead of them d and a number: syncs take so many
 * milliseconds longer.
 *
 *   cc -shared -fPIC -O1 -o disk-error.so disk-error.c -ldl
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* Straight to the kernel: this must not meet the functions below. */
static int order(char *text, size_t size) {
    const char *file = getenv("DISK_ERROR_ORDER");
    if (file == NULL) {
        return 0;
    }
    int fd = (int)syscall(SYS_openat, AT_FDCWD, file, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return 0;
    }
    ssize_t length = syscall(SYS_read, fd, text, size - 1);
    syscall(SYS_close, fd);
    if (length <= 0) {
        return 0;
    }
    text[length] = '\0';
    text[strcspn(text, "\n")] = '\0';
    return 1;
}

static void slow_down(long milliseconds) {
    struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    nanosleep(&time, NULL);
}

static int fails(int fd, char operation) {
    int before = errno;
    char text[PATH_MAX + 8], link[64], path[PATH_MAX];
    int hit = 0;
    if (order(text, sizeof text)) {
        char *folder = strchr(text, ' ');
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t length = readlink(link, path, sizeof path - 1);
        if (folder != NULL && length > 0) {
            *folder++ = '\0';
            path[length] = '\0';
            size_t n = strlen(folder);
            int inside = strncmp(path, folder, n) == 0 && (path[n] == '/' || path[n] == '\0');
            hit = inside && strchr(text, operation) != NULL;
            if (inside && text[0] == 'd' && operation == 's') {
                slow_down(atol(text + 1));
            }
        }
    }
    errno = hit ? EIO : before;
    return hit;
}

#define WRAP(operation, type, name, parameters, arguments) \
    type name parameters { \
        static type (*real) parameters; \
        if (real == NULL) { \
            real = (type (*) parameters)dlsym(RTLD_NEXT, #name); \
        } \
        return fails(fd, operation) ? -1 : real arguments; \
    }

WRAP('r', ssize_t, read, (int fd, void *to, size_t n), (fd, to, n))
WRAP('r', ssize_t, pread, (int fd, void *to, size_t n, off_t at), (fd, to, n, at))
WRAP('r', ssize_t, pread64, (int fd, void *to, size_t n, off64_t at), (fd, to, n, at))
WRAP('r', ssize_t, readv, (int fd, const struct iovec *to, int n), (fd, to, n))
WRAP('w', ssize_t, write, (int fd, const void *from, size_t n), (fd, from, n))
WRAP('w', ssize_t, pwrite, (int fd, const void *from, size_t n, off_t at), (fd, from, n, at))
WRAP('w', ssize_t, pwrite64, (int fd, const void *from, size_t n, off64_t at), (fd, from, n, at))
WRAP('w', ssize_t, writev, (int fd, const struct iovec *from, int n), (fd, from, n))
WRAP('s', int, fsync, (int fd), (fd))
WRAP('s', int, fdatasync, (int fd), (fd))
WRAP('s', int, sync_file_range, (int fd, off64_t at, off64_t n, unsigned int how), (fd, at, n, how))
