/* zpresence-keys FOLDER - makes the keys of the bus that are missing there (bus_keys.h), overwrites none, and
 * says what it made. */
#include "common/config/config.h"
#include <czmq.h>
#include <stdio.h>
#include <sys/stat.h>

enum { PATH_BYTES = 4096, EXIT_BAD_ARGUMENT = 2 };

static bool exists(const char *path) {
    struct stat file;
    return lstat(path, &file) == 0;
}

static bool say_made(int saved, const char *path) {
    if (saved == 0) {
        printf("made %s\n", path);
    } else {
        fprintf(stderr, "zpresence-keys: cannot write %s: %s\n", path, strerror(errno));
    }
    return saved == 0;
}

/* Not as zcert_save does: whoever opened it before its mode is set could read it. */
static zcert_t *make_secret(const char *path, const char *kind) {
    zcert_t *pair = zcert_new();
    zcert_set_meta(pair, "kind", "%s", kind);
    mode_t before = umask(S_IRWXG | S_IRWXO);
    bool made = say_made(zcert_save_secret(pair, path), path);
    umask(before);
    if (!made) {
        zcert_destroy(&pair);
    }
    return pair;
}

/* False: it has been said why. */
static bool make(const char *folder, const char *kind) {
    char public_path[PATH_BYTES], secret_path[PATH_BYTES];
    int len = snprintf(secret_path, sizeof secret_path, "%s/%s_secret", folder, kind);
    (void)snprintf(public_path, sizeof public_path, "%s/%s", folder, kind);
    if (len < 0 || (size_t)len >= sizeof secret_path) {
        fprintf(stderr, "zpresence-keys: the path of %s is too long\n", folder);
        return false;
    }
    bool has_secret = exists(secret_path), has_public = exists(public_path);
    if (has_public && !has_secret) {
        fprintf(stderr, "zpresence-keys: %s is there without %s, and nothing is overwritten: remove it\n",
                public_path, secret_path);
        return false;
    }
    if (has_public) {
        return true;
    }
    zcert_t *pair = has_secret ? zcert_load(secret_path) : make_secret(secret_path, kind);
    if (has_secret && !pair) {
        fprintf(stderr, "zpresence-keys: %s is no certificate: remove it\n", secret_path);
    }
    bool made = pair && say_made(zcert_save_public(pair, public_path), public_path);
    zcert_destroy(&pair);
    return made;
}

int main(int argc, char **argv) {
    static const process_kind KINDS[] = {EDGE, CORE, WATCHER, API, FANOUT};
    if (argc != 2 || argv[1][0] == '-' || argv[1][0] == '\0') {
        fprintf(stderr, "zpresence-keys: a folder is needed: zpresence-keys FOLDER\n");
        return EXIT_BAD_ARGUMENT;
    }
    zsys_handler_set(NULL);
    if (mkdir(argv[1], 0755) != 0 && errno != EEXIST) {
        fprintf(stderr, "zpresence-keys: cannot make %s: %s\n", argv[1], strerror(errno));
        return 1;
    }
    bool made = true;
    for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++) {
        made = make(argv[1], process_kind_name(KINDS[i])) && made;
    }
    return made ? 0 : 1;
}
