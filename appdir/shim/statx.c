/* statx: the GLib of libvips calls it. musl has it since 1.2.5, and Mystikos' kernel does not implement it. Where
 * the system call is missing, the result comes from fstatat, as in musl's implementation. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static struct statx_timestamp timestamp(struct timespec time)
{
    return (struct statx_timestamp){.tv_sec = time.tv_sec, .tv_nsec = (unsigned)time.tv_nsec};
}

int statx(int folder, const char *restrict path, int flags, unsigned mask, struct statx *restrict result)
{
    if (syscall(SYS_statx, folder, path, flags, mask, result) == 0)
        return 0;
    if (errno != ENOSYS)
        return -1;
    struct stat status;
    if (fstatat(folder, path, &status, flags & ~AT_STATX_SYNC_TYPE) != 0)
        return -1;
    *result = (struct statx){
        .stx_mask = STATX_BASIC_STATS,
        .stx_blksize = (unsigned)status.st_blksize,
        .stx_nlink = (unsigned)status.st_nlink,
        .stx_uid = status.st_uid,
        .stx_gid = status.st_gid,
        .stx_mode = (unsigned short)status.st_mode,
        .stx_ino = status.st_ino,
        .stx_size = (unsigned long long)status.st_size,
        .stx_blocks = (unsigned long long)status.st_blocks,
        .stx_atime = timestamp(status.st_atim),
        .stx_ctime = timestamp(status.st_ctim),
        .stx_mtime = timestamp(status.st_mtim),
        .stx_rdev_major = major(status.st_rdev),
        .stx_rdev_minor = minor(status.st_rdev),
        .stx_dev_major = major(status.st_dev),
        .stx_dev_minor = minor(status.st_dev),
    };
    return 0;
}
