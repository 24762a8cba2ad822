#include "common/metrics/process_stats.h"
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static uint64_t resident_bytes(void) {
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file) {
        return 0;
    }
    char text[128] = "";
    size_t len = fread(text, 1, sizeof text - 1, file);
    (void)fclose(file);
    text[len] = '\0';
    /* size resident shared ..., in pages */
    uint64_t pages = 0;
    const char *at = text;
    while (*at >= '0' && *at <= '9') {
        at++;
    }
    for (at += *at == ' '; *at >= '0' && *at <= '9'; at++) {
        pages = pages * 10 + (uint64_t)(*at - '0');
    }
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

uint64_t process_stats_count_fds(void) {
    DIR *entries = opendir("/proc/self/fd");
    if (!entries) {
        return 0;
    }
    uint64_t count = 0;
    for (const struct dirent *entry = readdir(entries); entry; entry = readdir(entries)) {
        count += entry->d_name[0] != '.';
    }
    closedir(entries);
    return count > 0 ? count - 1 : 0; /* without the one that read the folder */
}

/* Linux 6.2 and later give the count as the folder's size. */
static uint64_t open_fds(void) {
    struct stat folder;
    bool counted = stat("/proc/self/fd", &folder) == 0 && folder.st_size > 0;
    return counted ? (uint64_t)folder.st_size : process_stats_count_fds();
}

static double cpu_seconds(void) {
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0) {
        return 0;
    }
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

process_stats process_stats_read(void) {
    return (process_stats){resident_bytes(), open_fds(), cpu_seconds()};
}
