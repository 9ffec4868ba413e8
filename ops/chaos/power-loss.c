/*
 * A file system that forgets, when its power is cut, what was not synced. Files lie in STORE under their
 * numbers; names, and what a changed page was like when it was last synced, are in this process.
 *
 *   power-loss STORE MOUNTPOINT      prints "ready" once it is mounted, then obeys its standard input:
 *     cut SEED    the power fails now: what is lost is drawn from SEED, said in one line, and the process ends
 *                 with the mount dead; started again, it shows what was left
 *     (its end)   everything is kept, unmounted, and linked into MOUNTPOINT as ordinary files
 *
 * What it models is ext4 (data=ordered, delayed allocation), without its leniencies:
 *  - Of the pages that were written and not synced, any may have reached the disk, also before older ones;
 *    of those that did, some are torn: each sector of 512 bytes is old or new.
 *  - A file that grew without a sync may have any length in between, with zeroes where nothing arrived.
 *  - Names (create, rename, unlink, mkdir) go to a journal, in order. fsync of any file or directory that
 *    changed commits all of it; fdatasync only if the file grew, shrank or is new. At a cut, any number of
 *    the first uncommitted changes may have been committed. A rename is never half.
 *  - fdatasync of a file syncs it all; no rename or close does. The kernel also writes by itself: each
 *    second a quarter of the changed files, and in every fourth second the journal, drawn at random.
 * What a process changed through a mapping is not even here until the kernel wrote it back.
 *
 *   cc -O2 -o power-loss power-loss.c $(pkg-config --cflags --libs fuse3) -lpthread
 */
#define FUSE_USE_VERSION 35
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096
#define SECTOR 512
#define FOREVER 1e9
#define ROOT FUSE_ROOT_ID

struct entry {
    char *name;
    fuse_ino_t ino;
    off_t id; /* growing: readdir goes on behind one also when others are removed meanwhile */
};

struct directory {
    struct entry *entries;
    size_t count, room;
    off_t last_id;
};

struct inode {
    mode_t mode; /* 0: there is no such inode (any more) */
    struct directory visible, durable; /* of a directory */
    int fd;                            /* of a file */
    off_t size;
    int opens, links, durable_links, pending;
    int unsynced;        /* content or length differ from what was synced */
    int length_unsynced; /* fdatasync has to commit the journal */
    off_t durable_size;
    unsigned char **saved; /* by page: NULL clean, NOTHING_SAVED, or what it was when synced */
    size_t saved_room;
    size_t *changed; /* pages that are not clean */
    size_t changed_count, changed_room;
    struct timespec mtime;
};

/* One change of a name; those of one operation have the same number and are committed together. */
struct change {
    fuse_ino_t dir;
    char *name;
    fuse_ino_t ino; /* 0: removed */
    long operation;
};

static unsigned char nothing[1];
#define NOTHING_SAVED nothing

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct inode *inodes;
static size_t inode_count, inode_room;
static struct change *journal;
static size_t journal_count, journal_room;
static long operations;
static int store;
static const char *mountpoint;

static void die(const char *what) {
    perror(what);
    _exit(3);
}

static void *grown(void *array, size_t *room, size_t need, size_t size) {
    if (need <= *room) {
        return array;
    }
    size_t more = *room * 2 > need ? *room * 2 : need + 16;
    array = realloc(array, more * size);
    if (array == NULL) {
        die("realloc");
    }
    memset((char *)array + *room * size, 0, (more - *room) * size);
    *room = more;
    return array;
}

/* --- inodes and names ----------------------------------------------------------------------- */

static struct inode *inode_at(fuse_ino_t ino) {
    return &inodes[ino];
}

static void file_name(char *to, fuse_ino_t ino) {
    sprintf(to, "%lu", (unsigned long)ino);
}

static void open_file(fuse_ino_t ino, int flags) {
    char name[32];
    struct stat st;
    file_name(name, ino);
    struct inode *i = inode_at(ino);
    i->fd = openat(store, name, O_RDWR | O_CLOEXEC | flags, 0600);
    if (i->fd < 0 || fstat(i->fd, &st) != 0) {
        die(name);
    }
    i->size = st.st_size;
    i->mtime = st.st_mtim;
}

static void set_inode(fuse_ino_t ino, mode_t mode) {
    inodes = grown(inodes, &inode_room, ino + 1, sizeof *inodes);
    if (ino >= inode_count) {
        inode_count = ino + 1;
    }
    memset(inode_at(ino), 0, sizeof *inodes);
    inode_at(ino)->mode = mode;
    inode_at(ino)->fd = -1;
    clock_gettime(CLOCK_REALTIME, &inode_at(ino)->mtime);
}

static struct entry *find(struct directory *d, const char *name) {
    for (size_t n = 0; n < d->count; n++) {
        if (strcmp(d->entries[n].name, name) == 0) {
            return &d->entries[n];
        }
    }
    return NULL;
}

/* Returns what the name stood for before; 0 if for nothing. */
static fuse_ino_t set_entry(struct directory *d, const char *name, fuse_ino_t ino) {
    struct entry *e = find(d, name);
    fuse_ino_t before = e == NULL ? 0 : e->ino;
    if (e == NULL && ino != 0) {
        d->entries = grown(d->entries, &d->room, d->count + 1, sizeof *d->entries);
        d->entries[d->count++] = (struct entry){strdup(name), ino, ++d->last_id};
    } else if (e != NULL && ino != 0) {
        e->ino = ino;
    } else if (e != NULL) {
        free(e->name);
        memmove(e, e + 1, (char *)&d->entries[d->count--] - (char *)(e + 1));
    }
    return before;
}

static void forget_saved(struct inode *i) {
    for (size_t n = 0; n < i->changed_count; n++) {
        unsigned char **page = &i->saved[i->changed[n]];
        if (*page != NOTHING_SAVED) {
            free(*page);
        }
        *page = NULL;
    }
    i->changed_count = 0;
    i->unsynced = 0;
}

static void drop_if_unused(fuse_ino_t ino) {
    struct inode *i = inode_at(ino);
    if (ino == ROOT || i->mode == 0 || i->links + i->durable_links + i->pending + i->opens > 0) {
        return;
    }
    if (S_ISREG(i->mode)) {
        char name[32];
        file_name(name, ino);
        close(i->fd);
        unlinkat(store, name, 0);
        forget_saved(i);
        free(i->saved);
        free(i->changed);
    }
    i->mode = 0;
}

static void commit_one(struct change *c) {
    fuse_ino_t before = set_entry(&inode_at(c->dir)->durable, c->name, c->ino);
    if (c->ino != 0) {
        inode_at(c->ino)->durable_links++;
        inode_at(c->ino)->pending--;
    }
    if (before != 0) {
        inode_at(before)->durable_links--;
        drop_if_unused(before);
    }
    if (c->ino != 0) {
        drop_if_unused(c->ino);
    }
    free(c->name);
}

static void commit_journal(void) {
    for (size_t n = 0; n < journal_count; n++) {
        commit_one(&journal[n]);
    }
    journal_count = 0;
}

static void change_name(fuse_ino_t dir, const char *name, fuse_ino_t ino) {
    journal = grown(journal, &journal_room, journal_count + 1, sizeof *journal);
    struct change *c = &journal[journal_count++];
    c->dir = dir;
    c->name = strdup(name);
    c->ino = ino;
    c->operation = operations;
    if (ino != 0) {
        inode_at(ino)->pending++;
        inode_at(ino)->links++;
    }
    fuse_ino_t before = set_entry(&inode_at(dir)->visible, name, ino);
    if (before != 0) {
        inode_at(before)->links--;
        drop_if_unused(before);
    }
    clock_gettime(CLOCK_REALTIME, &inode_at(dir)->mtime);
}

/* --- content -------------------------------------------------------------------------------- */

static void begin_change(struct inode *i) {
    if (!i->unsynced) {
        i->unsynced = 1;
        i->durable_size = i->size;
    }
}

/* Before bytes change: keeps what their pages were like when they were synced. */
static int save_pages(struct inode *i, off_t from, off_t to) {
    begin_change(i);
    if (to <= from) {
        return 0;
    }
    i->saved = grown(i->saved, &i->saved_room, (to - 1) / PAGE + 1, sizeof *i->saved);
    for (size_t page = from / PAGE; page <= (size_t)((to - 1) / PAGE); page++) {
        if (i->saved[page] != NULL) {
            continue;
        }
        if ((off_t)page * PAGE < i->durable_size) {
            unsigned char *bytes = calloc(1, PAGE);
            if (bytes == NULL || pread(i->fd, bytes, PAGE, (off_t)page * PAGE) < 0) {
                free(bytes);
                return EIO;
            }
            i->saved[page] = bytes;
        } else {
            i->saved[page] = NOTHING_SAVED;
        }
        i->changed = grown(i->changed, &i->changed_room, i->changed_count + 1, sizeof *i->changed);
        i->changed[i->changed_count++] = page;
    }
    return 0;
}

static int set_length(struct inode *i, off_t length) {
    int error = save_pages(i, length, i->size);
    if (error == 0 && ftruncate(i->fd, length) != 0) {
        error = errno;
    }
    if (error == 0) {
        i->size = length;
        i->length_unsynced = 1;
    }
    return error;
}

static void sync_inode(struct inode *i, int only_data) {
    if (!only_data || i->length_unsynced) {
        commit_journal();
    }
    forget_saved(i);
    i->length_unsynced = 0;
}

/* --- the power fails ------------------------------------------------------------------------ */

static uint64_t seed;

static uint64_t draw(uint64_t bound) {
    /* splitmix64 */
    uint64_t z = seed += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return (z ^ (z >> 31)) % bound;
}

static long lost_pages, kept_pages, torn_pages;

static void write_page(struct inode *i, size_t page, const unsigned char *bytes) {
    if (pwrite(i->fd, bytes, PAGE, (off_t)page * PAGE) != PAGE) {
        die("pwrite");
    }
}

static void lose_content(struct inode *i, unsigned percent_kept) {
    static const unsigned char zeroes[PAGE];
    off_t seen = i->size, synced = i->durable_size;
    int shrunk = seen < synced && draw(2);
    off_t end = seen < synced && !shrunk ? synced : seen < synced ? seen : synced;
    for (size_t n = 0; n < i->changed_count; n++) {
        size_t page = i->changed[n];
        off_t at = (off_t)page * PAGE;
        const unsigned char *old = i->saved[page] == NOTHING_SAVED ? zeroes : i->saved[page];
        if (at < seen && draw(100) < percent_kept) {
            off_t page_end = at + PAGE < seen ? at + PAGE : seen;
            end = page_end > end ? page_end : end;
            kept_pages++;
            if (draw(4) == 0) {
                unsigned char mixed[PAGE] = {0};
                if (pread(i->fd, mixed, PAGE, at) < 0) {
                    die("pread");
                }
                for (int sector = 0; sector < PAGE; sector += SECTOR) {
                    if (draw(2)) {
                        memcpy(mixed + sector, old + sector, SECTOR);
                    }
                }
                write_page(i, page, mixed);
                torn_pages++;
            }
        } else if (at < seen || !shrunk) {
            write_page(i, page, old);
            lost_pages++;
        }
    }
    if (seen > end && draw(4) == 0) {
        end += draw(seen - end + 1);
    }
    if (ftruncate(i->fd, end) != 0) {
        die("ftruncate");
    }
}

static void save_tree(int visible) {
    int fd = openat(store, "tree.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    FILE *out = fd < 0 ? NULL : fdopen(fd, "w");
    if (out == NULL) {
        die("tree.new");
    }
    for (fuse_ino_t ino = ROOT; ino < inode_count; ino++) {
        struct inode *i = inode_at(ino);
        if (i->mode != 0) {
            fprintf(out, "inode %lu %o\n", (unsigned long)ino, (unsigned)i->mode);
        }
    }
    for (fuse_ino_t ino = ROOT; ino < inode_count; ino++) {
        struct inode *i = inode_at(ino);
        if (!S_ISDIR(i->mode)) {
            continue;
        }
        struct directory *d = visible ? &i->visible : &i->durable;
        for (size_t n = 0; n < d->count; n++) {
            fprintf(out, "name %lu %lu %s\n", (unsigned long)ino, (unsigned long)d->entries[n].ino,
                    d->entries[n].name);
        }
    }
    if (fclose(out) != 0 || renameat(store, "tree.new", store, "tree") != 0) {
        die("tree");
    }
}

static void load_tree(void) {
    set_inode(ROOT, S_IFDIR | 0755);
    int fd = openat(store, "tree", O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        return;
    }
    FILE *in = fd < 0 ? NULL : fdopen(fd, "r");
    if (in == NULL) {
        die("tree");
    }
    char name[PATH_MAX];
    unsigned long ino, child;
    unsigned mode;
    char word[8];
    while (fscanf(in, "%7s", word) == 1) {
        if (strcmp(word, "inode") == 0 && fscanf(in, "%lu %o", &ino, &mode) == 2) {
            set_inode(ino, mode);
        } else if (fscanf(in, "%lu %lu %4095[^\n]", &ino, &child, name) == 3) {
            set_entry(&inode_at(ino)->visible, name, child);
            set_entry(&inode_at(ino)->durable, name, child);
            inode_at(child)->links++;
            inode_at(child)->durable_links++;
        }
    }
    fclose(in);
    for (ino = ROOT; ino < inode_count; ino++) {
        if (S_ISREG(inode_at(ino)->mode)) {
            open_file(ino, 0);
        }
    }
    for (ino = ROOT; ino < inode_count; ino++) {
        drop_if_unused(ino);
    }
}

static void cut(uint64_t its_seed) {
    static const unsigned chances[] = {0, 5, 50, 95};
    pthread_mutex_lock(&lock); /* For ever: nothing changes any more. */
    seed = its_seed;
    unsigned percent = chances[draw(4)];
    for (fuse_ino_t ino = ROOT; ino < inode_count; ino++) {
        struct inode *i = inode_at(ino);
        if (S_ISREG(i->mode) && i->unsynced) {
            lose_content(i, percent);
        }
    }
    size_t count = journal_count;
    long first = count == 0 ? 0 : journal[0].operation;
    long kept = draw(2) ? 0 : (long)draw(operations - first + 2);
    size_t done = 0;
    while (done < count && journal[done].operation < first + kept) {
        /* Not commit_one: what is unused goes when the tree is loaded. */
        set_entry(&inode_at(journal[done].dir)->durable, journal[done].name, journal[done].ino);
        done++;
    }
    save_tree(0);
    printf("lost %ld of %ld unsynced pages (%ld torn) and %zu of %zu changes of names\n", lost_pages,
            lost_pages + kept_pages, torn_pages, count - done, count);
    fflush(stdout);
    _exit(0);
}

static void *write_back(void *unused) {
    struct timespec second = {1, 0};
    unsigned random = getpid();
    for (;;) {
        nanosleep(&second, NULL);
        pthread_mutex_lock(&lock);
        for (fuse_ino_t ino = ROOT; ino < inode_count; ino++) {
            struct inode *i = inode_at(ino);
            if (S_ISREG(i->mode) && i->unsynced && rand_r(&random) % 4 == 0) {
                forget_saved(i);
            }
        }
        if (rand_r(&random) % 4 == 0) {
            commit_journal();
        }
        pthread_mutex_unlock(&lock);
    }
    return unused;
}

static void link_tree(fuse_ino_t dir, const char *path) {
    struct directory *d = &inode_at(dir)->visible;
    for (size_t n = 0; n < d->count; n++) {
        char to[PATH_MAX], from[32];
        snprintf(to, sizeof to, "%s/%s", path, d->entries[n].name);
        if (S_ISDIR(inode_at(d->entries[n].ino)->mode)) {
            mkdir(to, 0755);
            link_tree(d->entries[n].ino, to);
        } else {
            file_name(from, d->entries[n].ino);
            if (linkat(store, from, AT_FDCWD, to, 0) == 0) {
                unlinkat(store, from, 0);
            }
        }
    }
}

static void *obey(void *unused) {
    char line[128];
    unsigned long long its_seed;
    while (fgets(line, sizeof line, stdin) != NULL) {
        if (sscanf(line, "cut %llu", &its_seed) == 1) {
            cut(its_seed);
        }
    }
    /* So that what is still in the kernel's cache comes here first. */
    int fd = open(mountpoint, O_RDONLY | O_CLOEXEC);
    syncfs(fd);
    close(fd);
    pthread_mutex_lock(&lock);
    umount2(mountpoint, MNT_DETACH);
    link_tree(ROOT, mountpoint);
    _exit(0);
    return unused;
}

/* --- the file system ------------------------------------------------------------------------ */

static void stat_of(fuse_ino_t ino, struct stat *st) {
    struct inode *i = inode_at(ino);
    memset(st, 0, sizeof *st);
    st->st_ino = ino;
    st->st_mode = i->mode;
    st->st_nlink = S_ISDIR(i->mode) ? 2 : i->links;
    st->st_uid = getuid();
    st->st_gid = getgid();
    st->st_size = i->size;
    st->st_blksize = PAGE;
    st->st_blocks = (i->size + SECTOR - 1) / SECTOR;
    st->st_mtim = st->st_ctim = st->st_atim = i->mtime;
}

static struct fuse_entry_param entry_of(fuse_ino_t ino) {
    struct fuse_entry_param e = {.ino = ino, .attr_timeout = FOREVER, .entry_timeout = FOREVER};
    stat_of(ino, &e.attr);
    return e;
}

static void fs_lookup(fuse_req_t req, fuse_ino_t parent, const char *name) {
    pthread_mutex_lock(&lock);
    struct entry *found = find(&inode_at(parent)->visible, name);
    struct fuse_entry_param e;
    if (found != NULL) {
        e = entry_of(found->ino);
    }
    pthread_mutex_unlock(&lock);
    if (found == NULL) {
        fuse_reply_err(req, ENOENT);
    } else {
        fuse_reply_entry(req, &e);
    }
}

static void fs_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi) {
    struct stat st;
    (void)fi;
    pthread_mutex_lock(&lock);
    stat_of(ino, &st);
    pthread_mutex_unlock(&lock);
    fuse_reply_attr(req, &st, FOREVER);
}

static void fs_setattr(
        fuse_req_t req, fuse_ino_t ino, struct stat *to, int set, struct fuse_file_info *fi) {
    struct stat st;
    int error = 0;
    (void)fi;
    pthread_mutex_lock(&lock);
    struct inode *i = inode_at(ino);
    if (set & FUSE_SET_ATTR_SIZE) {
        error = set_length(i, to->st_size);
    }
    if (set & FUSE_SET_ATTR_MODE) {
        i->mode = (i->mode & S_IFMT) | (to->st_mode & ~S_IFMT);
    }
    if (set & FUSE_SET_ATTR_MTIME) {
        i->mtime = to->st_mtim;
    }
    stat_of(ino, &st);
    pthread_mutex_unlock(&lock);
    if (error != 0) {
        fuse_reply_err(req, error);
    } else {
        fuse_reply_attr(req, &st, FOREVER);
    }
}

static fuse_ino_t create(fuse_ino_t parent, const char *name, mode_t mode) {
    fuse_ino_t ino = inode_count;
    set_inode(ino, mode);
    if (S_ISREG(mode)) {
        open_file(ino, O_CREAT | O_TRUNC);
        begin_change(inode_at(ino));
        inode_at(ino)->length_unsynced = 1;
    }
    operations++;
    change_name(parent, name, ino);
    return ino;
}

static void fs_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode) {
    pthread_mutex_lock(&lock);
    struct fuse_entry_param e = entry_of(create(parent, name, S_IFDIR | (mode & 0777)));
    pthread_mutex_unlock(&lock);
    fuse_reply_entry(req, &e);
}

static void fs_create(
        fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, struct fuse_file_info *fi) {
    pthread_mutex_lock(&lock);
    fuse_ino_t ino = create(parent, name, S_IFREG | (mode & 0777));
    inode_at(ino)->opens++;
    struct fuse_entry_param e = entry_of(ino);
    pthread_mutex_unlock(&lock);
    fi->keep_cache = 1;
    fuse_reply_create(req, &e, fi);
}

static void remove_name(fuse_req_t req, fuse_ino_t parent, const char *name) {
    int error = 0;
    pthread_mutex_lock(&lock);
    struct entry *found = find(&inode_at(parent)->visible, name);
    if (found == NULL) {
        error = ENOENT;
    } else if (S_ISDIR(inode_at(found->ino)->mode) && inode_at(found->ino)->visible.count > 0) {
        error = ENOTEMPTY;
    } else {
        operations++;
        change_name(parent, name, 0);
    }
    pthread_mutex_unlock(&lock);
    fuse_reply_err(req, error);
}

static void fs_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t to_parent,
        const char *to_name, unsigned flags) {
    int error = 0;
    pthread_mutex_lock(&lock);
    struct entry *found = find(&inode_at(parent)->visible, name);
    struct entry *there = find(&inode_at(to_parent)->visible, to_name);
    if (found == NULL) {
        error = ENOENT;
    } else if (flags & ~RENAME_NOREPLACE) {
        error = EINVAL;
    } else if (there != NULL && (flags & RENAME_NOREPLACE)) {
        error = EEXIST;
    } else if (there != NULL && inode_at(there->ino)->visible.count > 0) {
        error = ENOTEMPTY;
    } else {
        fuse_ino_t ino = found->ino;
        operations++;
        change_name(to_parent, to_name, ino);
        change_name(parent, name, 0);
    }
    pthread_mutex_unlock(&lock);
    fuse_reply_err(req, error);
}

static void fs_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi) {
    pthread_mutex_lock(&lock);
    inode_at(ino)->opens++;
    pthread_mutex_unlock(&lock);
    fi->keep_cache = 1;
    fuse_reply_open(req, fi);
}

static void fs_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi) {
    (void)fi;
    pthread_mutex_lock(&lock);
    inode_at(ino)->opens--;
    drop_if_unused(ino);
    pthread_mutex_unlock(&lock);
    fuse_reply_err(req, 0);
}

static void fs_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t at, struct fuse_file_info *fi) {
    (void)fi;
    pthread_mutex_lock(&lock);
    int fd = inode_at(ino)->fd;
    pthread_mutex_unlock(&lock);
    char *bytes = malloc(size);
    ssize_t done = bytes == NULL ? -1 : pread(fd, bytes, size, at);
    if (done < 0) {
        fuse_reply_err(req, EIO);
    } else {
        fuse_reply_buf(req, bytes, done);
    }
    free(bytes);
}

static void fs_write(fuse_req_t req, fuse_ino_t ino, const char *bytes, size_t size, off_t at,
        struct fuse_file_info *fi) {
    (void)fi;
    pthread_mutex_lock(&lock);
    struct inode *i = inode_at(ino);
    int error = save_pages(i, at, at + size);
    ssize_t done = error != 0 ? -1 : pwrite(i->fd, bytes, size, at);
    if (done < 0 && error == 0) {
        error = errno;
    }
    if (done > 0) {
        if (at + done > i->size) {
            i->size = at + done;
            i->length_unsynced = 1;
        }
        clock_gettime(CLOCK_REALTIME, &i->mtime);
    }
    pthread_mutex_unlock(&lock);
    if (done < 0) {
        fuse_reply_err(req, error);
    } else {
        fuse_reply_write(req, done);
    }
}

static void fs_fsync(fuse_req_t req, fuse_ino_t ino, int only_data, struct fuse_file_info *fi) {
    (void)fi;
    pthread_mutex_lock(&lock);
    sync_inode(inode_at(ino), only_data);
    int fd = inode_at(ino)->fd;
    pthread_mutex_unlock(&lock);
    /* Takes the time that it takes. */
    fuse_reply_err(req, fdatasync(fd) == 0 ? 0 : errno);
}

static void fs_fsyncdir(fuse_req_t req, fuse_ino_t ino, int only_data, struct fuse_file_info *fi) {
    (void)ino;
    (void)only_data;
    (void)fi;
    pthread_mutex_lock(&lock);
    commit_journal();
    pthread_mutex_unlock(&lock);
    fuse_reply_err(req, 0);
}

static void fs_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t at, off_t length,
        struct fuse_file_info *fi) {
    int error = 0;
    (void)fi;
    pthread_mutex_lock(&lock);
    if ((mode & ~FALLOC_FL_KEEP_SIZE) != 0) {
        error = EOPNOTSUPP;
    } else if (mode == 0 && at + length > inode_at(ino)->size) {
        begin_change(inode_at(ino));
        error = set_length(inode_at(ino), at + length);
    }
    pthread_mutex_unlock(&lock);
    fuse_reply_err(req, error);
}

static void fs_readdir(
        fuse_req_t req, fuse_ino_t ino, size_t size, off_t from, struct fuse_file_info *fi) {
    char *list = malloc(size);
    size_t used = 0;
    (void)fi;
    pthread_mutex_lock(&lock);
    struct directory *d = &inode_at(ino)->visible;
    for (size_t n = 0; n < d->count; n++) {
        struct entry *e = &d->entries[n];
        if (e->id <= from) {
            continue;
        }
        struct stat st = {.st_ino = e->ino, .st_mode = inode_at(e->ino)->mode};
        size_t more = fuse_add_direntry(req, list + used, size - used, e->name, &st, e->id);
        if (more > size - used) {
            break;
        }
        used += more;
    }
    pthread_mutex_unlock(&lock);
    fuse_reply_buf(req, list, used);
    free(list);
}

static void fs_statfs(fuse_req_t req, fuse_ino_t ino) {
    struct statvfs st;
    (void)ino;
    if (fstatvfs(store, &st) != 0) {
        fuse_reply_err(req, errno);
    } else {
        fuse_reply_statfs(req, &st);
    }
}

static const struct fuse_lowlevel_ops OPERATIONS = {
        .lookup = fs_lookup,
        .getattr = fs_getattr,
        .setattr = fs_setattr,
        .mkdir = fs_mkdir,
        .create = fs_create,
        .unlink = remove_name,
        .rmdir = remove_name,
        .rename = fs_rename,
        .open = fs_open,
        .release = fs_release,
        .read = fs_read,
        .write = fs_write,
        .fsync = fs_fsync,
        .fsyncdir = fs_fsyncdir,
        .fallocate = fs_fallocate,
        .readdir = fs_readdir,
        .statfs = fs_statfs,
};

int main(int argc, char **argv) {
    struct rlimit files;
    pthread_t control, kernel;
    if (argc != 3) {
        fprintf(stderr, "power-loss STORE MOUNTPOINT\n");
        return 2;
    }
    mountpoint = argv[2];
    store = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (store < 0) {
        die(argv[1]);
    }
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    load_tree();
    char *words[] = {argv[0], "-o", "fsname=mirach-power-loss"};
    struct fuse_args args = FUSE_ARGS_INIT(3, words);
    struct fuse_session *session = fuse_session_new(&args, &OPERATIONS, sizeof OPERATIONS, NULL);
    if (session == NULL || fuse_session_mount(session, mountpoint) != 0) {
        return 3;
    }
    printf("ready\n");
    fflush(stdout);
    pthread_create(&control, NULL, obey, NULL);
    pthread_create(&kernel, NULL, write_back, NULL);
    struct fuse_loop_config loop = {.clone_fd = 0, .max_idle_threads = 10};
    fuse_session_loop_mt(session, &loop);
    /* Unmounted by somebody: as at the end of the input, but for the links. */
    pthread_mutex_lock(&lock);
    save_tree(1);
    return 0;
}
