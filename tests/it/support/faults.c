/* A disk and a clock that do what a test says, put between the program and the C library with LD_PRELOAD.
 *
 * FAULTS names a file of 64-bit numbers that the test writes and this library reads on every call; the struct below
 * says which is which, and `faults.rs` says it again. FAULTS_SYNCED names a folder into which every file is copied
 * when a sync of it has succeeded: what a power cut would have left. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { JOURNAL = 1, STORE = 2, ARCHIVE = 4 };

struct control {
    int64_t where; /* which files the faults below are about: a sum of the numbers above */
    int64_t sync_delay_ms;
    int64_t sync_failures; /* how many syncs still fail */
    int64_t write_errno;   /* with which error every write fails; 0: none does */
    int64_t clock_offset_ms;
};

static volatile struct control *control;
static const char *synced_folder;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("FAULTS");
    int fd = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0) : -1;
    void *map = fd < 0 ? MAP_FAILED : mmap(0, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    control = map == MAP_FAILED ? 0 : map;
    synced_folder = getenv("FAULTS_SYNCED");
    if (fd >= 0) syscall(SYS_close, fd);
}

/* The path of an open file; empty for what is none. */
static void path_of(int fd, char *path, size_t size) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, size - 1);
    path[length > 0 && path[0] == '/' ? length : 0] = 0;
}

static int is_meant(int fd) {
    if (!control || !control->where) return 0;
    char path[4096];
    path_of(fd, path, sizeof path);
    int is_store = strstr(path, "waypost.db") || strstr(path, "/appendonlydir/");
    int where = strstr(path, "/journal/") ? JOURNAL : is_store ? STORE : strstr(path, "/clicks") ? ARCHIVE : 0;
    return (control->where & where) != 0;
}

/* Copies a file beside its last copy and then over it, so that being killed half-way leaves the last one. */
static void keep_copy(int fd) {
    char path[4096], copy[4352], whole[4352], block[65536];
    struct stat about;
    path_of(fd, path, sizeof path);
    if (!synced_folder || !path[0] || fstat(fd, &about) || !S_ISREG(about.st_mode)) return;
    const char *name = strrchr(path, '/') + 1;
    snprintf(whole, sizeof whole, "%s/%s", synced_folder, name);
    snprintf(copy, sizeof copy, "%s/.%s.%d", synced_folder, name, (int)syscall(SYS_gettid));
    int out = (int)syscall(SYS_openat, AT_FDCWD, copy, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (out < 0) return;
    off_t at = 0;
    ssize_t got;
    while ((got = pread(fd, block, sizeof block, at)) > 0) {
        if (syscall(SYS_pwrite64, out, block, got, at) != got) break;
        at += got;
    }
    syscall(SYS_close, out);
    if (got == 0) rename(copy, whole);
}

static int sync_file(int fd, long call) {
    if (is_meant(fd)) {
        if (control->sync_delay_ms > 0) usleep((useconds_t)control->sync_delay_ms * 1000);
        if (control->sync_failures > 0) {
            __atomic_fetch_sub(&control->sync_failures, 1, __ATOMIC_SEQ_CST);
            errno = EIO;
            return -1;
        }
    }
    int result = (int)syscall(call, fd);
    if (result == 0) keep_copy(fd);
    return result;
}

int fsync(int fd) { return sync_file(fd, SYS_fsync); }
int fdatasync(int fd) { return sync_file(fd, SYS_fdatasync); }

static int is_refused(int fd) {
    if (!control || !control->write_errno || !is_meant(fd)) return 0;
    errno = (int)control->write_errno;
    return 1;
}

ssize_t write(int fd, const void *bytes, size_t count) {
    return is_refused(fd) ? -1 : syscall(SYS_write, fd, bytes, count);
}

ssize_t writev(int fd, const struct iovec *pieces, int count) {
    return is_refused(fd) ? -1 : syscall(SYS_writev, fd, pieces, count);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) {
    return is_refused(fd) ? -1 : syscall(SYS_pwrite64, fd, bytes, count, at);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) { return pwrite64(fd, bytes, count, at); }

int clock_gettime(clockid_t clock, struct timespec *time) {
    int result = (int)syscall(SYS_clock_gettime, clock, time);
    if (result == 0 && clock == CLOCK_REALTIME && control && control->clock_offset_ms) {
        int64_t ns = time->tv_nsec + (control->clock_offset_ms % 1000) * 1000000;
        time->tv_sec += control->clock_offset_ms / 1000 + (ns < 0 ? -1 : ns / 1000000000);
        time->tv_nsec = (ns + 1000000000) % 1000000000;
    }
    return result;
}
