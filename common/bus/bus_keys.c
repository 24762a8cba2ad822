#include "common/bus/bus_keys.h"
#include "common/bus/bus_arrows.h"
#include "common/log/log.h"
#include "common/log/log_limit.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

enum {
    FOLDER_MAX_BYTES = 1024,
    PATH_BYTES = FOLDER_MAX_BYTES + 256 + 2,
    CERTIFICATE_MAX_BYTES = 4096,
    CERTIFICATES_MAX = 64,
    NAME_BYTES = 15,
    KEY_TEXT_BYTES = 40,
    FRESH_MS = 100,
};

static const process_kind KINDS[] = {EDGE, CORE, WATCHER, API, FANOUT};
enum { KINDS_COUNT = sizeof KINDS / sizeof *KINDS };

typedef struct certificate {
    process_kind kind;
    bool is_further; /* <kind>.<word> */
    uint8_t key[BUS_KEY_BYTES];
} certificate;

typedef struct certificates {
    size_t count;
    certificate all[CERTIFICATES_MAX];
} certificates;

struct bus_keys {
    process_kind kind;
    char folder[FOLDER_MAX_BYTES + 1];
    uint8_t public_key[BUS_KEY_BYTES], secret_key[BUS_KEY_BYTES];
    certificates known;
    uint64_t read_at_ms;
    bool started; /* until then what is wrong with a file that is needed is said once, by need_peers */
    log_limit troubles;
};

/* -- one file -- */

static const char NO_CERTIFICATE[] = "it is no certificate: remove it";

/* A key of section `curve` of ZPL (ZeroMQ RFC 4). czmq's own reader leaks what it does not understand, and
 * prints it. */
static bool read_key(const char *text, const char *name, uint8_t ret_key[BUS_KEY_BYTES]) {
    bool in_curve = false;
    for (const char *line = text; *line != '\0'; line += strcspn(line, "\n"), line += *line == '\n') {
        char found[NAME_BYTES + 1], value[KEY_TEXT_BYTES + 2];
        if (*line != ' ' && *line != '#' && *line != '\n') {
            in_curve = strncmp(line, "curve\n", strlen("curve\n")) == 0;
        } else if (in_curve && sscanf(line, " %15[a-z-] = \"%41[^\"\n]\"", found, value) == 2 &&
                   strcmp(found, name) == 0) {
            return strlen(value) == KEY_TEXT_BYTES && zmq_z85_decode(ret_key, value) != NULL;
        }
    }
    return false;
}

/* What is wrong with the certificate at `path`, or NULL. `ret_secret_key` NULL: it is a public one. */
static const char *read_certificate(const char *path, uint8_t ret_public_key[BUS_KEY_BYTES],
                                    uint8_t ret_secret_key[BUS_KEY_BYTES]) {
    struct stat file;
    if (stat(path, &file) != 0) {
        return errno == ENOENT ? "it is not there" : strerror(errno);
    }
    if (!S_ISREG(file.st_mode) || file.st_size > CERTIFICATE_MAX_BYTES) {
        return NO_CERTIFICATE;
    }
    if (ret_secret_key && (file.st_mode & (S_IRWXG | S_IRWXO))) {
        return "others than its owner may read it: chmod 600";
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char text[CERTIFICATE_MAX_BYTES + 1] = "";
    ssize_t len = fd >= 0 ? read(fd, text, CERTIFICATE_MAX_BYTES) : -1;
    const char *trouble = len < 0 ? strerror(errno) : NULL;
    if (fd >= 0) {
        close(fd);
    }
    if (!trouble && (!read_key(text, "public-key", ret_public_key) ||
                     (ret_secret_key && !read_key(text, "secret-key", ret_secret_key)))) {
        trouble = NO_CERTIFICATE;
    }
    explicit_bzero(text, sizeof text);
    return trouble;
}

static void say_unusable(const char *path, const char *reason, const char *folder) {
    log_error("bus.keys_unusable",
              "setting=BUS_KEYS file=%s reason=\"%s\" do=\"./zpresence keys %s makes what is missing; "
              "BUS_SECURITY=off does "
              "without, for local development\"",
              path, reason, folder);
}

/* -- the folder -- */

static const char SAME_KEY[] = "another kind has the same key: remove it";

/* The kind whose public certificate a file of that name is; 0: none's. */
static process_kind kind_of_file(const char *name, bool *ret_is_further) {
    size_t len = strlen(name);
    size_t suffix_len = strlen("_secret");
    if (len >= suffix_len && strcmp(name + len - suffix_len, "_secret") == 0) {
        return 0;
    }
    size_t kind_len = strcspn(name, ".");
    for (size_t i = 0; i < KINDS_COUNT; i++) {
        const char *kind_name = process_kind_name(KINDS[i]);
        if (strlen(kind_name) == kind_len && strncmp(kind_name, name, kind_len) == 0) {
            *ret_is_further = name[kind_len] != '\0';
            return KINDS[i];
        }
    }
    return 0;
}

/* Two kinds with one key could not be told from each other. */
static bool is_of_another_kind(const certificates *read, const certificate *found) {
    for (size_t i = 0; i < read->count; i++) {
        if (read->all[i].kind != found->kind && memcmp(read->all[i].key, found->key, BUS_KEY_BYTES) == 0) {
            return true;
        }
    }
    return false;
}

/* A file that cannot be read is left out: it may be half written. */
static void take_file(bus_keys_t *keys, certificates *read, const char *name, uint64_t now_ms) {
    certificate found = {0};
    found.kind = kind_of_file(name, &found.is_further);
    if (!(found.kind & bus_arrows_peers_of(keys->kind))) {
        return;
    }
    char path[PATH_BYTES];
    (void)snprintf(path, sizeof path, "%s/%s", keys->folder, name);
    const char *trouble = read->count < CERTIFICATES_MAX ? read_certificate(path, found.key, NULL)
                                                         : "there are too many certificates";
    if (!trouble && is_of_another_kind(read, &found)) {
        trouble = SAME_KEY;
    }
    uint64_t held_back = 0;
    if (!trouble) {
        read->all[read->count++] = found;
    } else if ((keys->started || found.is_further) && log_limit_pass(&keys->troubles, now_ms, &held_back)) {
        log_warn("bus.certificate_left_out", "file=%s reason=\"%s\" held_back=%llu", path, trouble,
                 (unsigned long long)held_back);
    }
}

/* A folder that cannot be read now keeps what it gave before. */
static void read_folder(bus_keys_t *keys, uint64_t now_ms) {
    DIR *folder = opendir(keys->folder);
    if (!folder) {
        uint64_t held_back = 0;
        if (log_limit_pass(&keys->troubles, now_ms, &held_back)) {
            log_warn("bus.keys_unreadable", "folder=%s reason=\"%s\" held_back=%llu", keys->folder,
                     strerror(errno), (unsigned long long)held_back);
        }
        return;
    }
    certificates read = {0};
    struct dirent *entry;
    while ((entry = readdir(folder))) {
        take_file(keys, &read, entry->d_name, now_ms);
    }
    closedir(folder);
    keys->known = read;
    keys->read_at_ms = now_ms;
}

static void refresh(bus_keys_t *keys, uint64_t now_ms) {
    if (now_ms - keys->read_at_ms >= FRESH_MS) {
        read_folder(keys, now_ms);
    }
}

static const certificate *find_current(const bus_keys_t *keys, process_kind kind) {
    for (size_t i = 0; i < keys->known.count; i++) {
        if (keys->known.all[i].kind == kind && !keys->known.all[i].is_further) {
            return &keys->known.all[i];
        }
    }
    return NULL;
}

/* -- at start -- */

static zp_error read_own(bus_keys_t *keys) {
    char path[PATH_BYTES];
    (void)snprintf(path, sizeof path, "%s/%s_secret", keys->folder, process_kind_name(keys->kind));
    const char *trouble = read_certificate(path, keys->public_key, keys->secret_key);
    char secret_text[KEY_TEXT_BYTES + 1], public_text[KEY_TEXT_BYTES + 1];
    uint8_t public_key[BUS_KEY_BYTES];
    if (!trouble) {
        zmq_z85_encode(secret_text, keys->secret_key, BUS_KEY_BYTES);
        if (zmq_curve_public(public_text, secret_text) != 0 || !zmq_z85_decode(public_key, public_text) ||
            memcmp(public_key, keys->public_key, BUS_KEY_BYTES) != 0) {
            trouble = "its public key is not that of its secret key";
        }
        zmq_z85_encode(secret_text, (const uint8_t[BUS_KEY_BYTES]){0}, BUS_KEY_BYTES);
    }
    if (trouble) {
        say_unusable(path, trouble, keys->folder);
    }
    return trouble ? ZP_INVALID : ZP_OK;
}

static zp_error need_peers(const bus_keys_t *keys) {
    for (size_t i = 0; i < KINDS_COUNT; i++) {
        if (!(KINDS[i] & bus_arrows_peers_of(keys->kind)) || find_current(keys, KINDS[i])) {
            continue;
        }
        char path[PATH_BYTES];
        uint8_t key[BUS_KEY_BYTES];
        (void)snprintf(path, sizeof path, "%s/%s", keys->folder, process_kind_name(KINDS[i]));
        const char *trouble = read_certificate(path, key, NULL);
        say_unusable(path, trouble ? trouble : SAME_KEY, keys->folder);
        return ZP_INVALID;
    }
    return ZP_OK;
}

zp_error bus_keys_new(bus_keys_t **ret_keys, const config_t *config) {
    const char *folder = config_text(config, SETTING_BUS_KEYS);
    if (strlen(folder) > FOLDER_MAX_BYTES || folder[0] == '\0') {
        say_unusable("BUS_KEYS", folder[0] ? "its path is too long" : "it is empty", "keys");
        return ZP_INVALID;
    }
    bus_keys_t *keys = calloc(1, sizeof *keys);
    if (!keys) {
        return ZP_NO_MEMORY;
    }
    keys->kind = config_process_kind(config);
    memcpy(keys->folder, folder, strlen(folder) + 1);
    zp_error error = read_own(keys);
    if (!error) {
        read_folder(keys, 0);
        error = need_peers(keys);
    }
    if (error) {
        bus_keys_destroy(&keys);
        return error;
    }
    keys->started = true;
    *ret_keys = keys;
    return ZP_OK;
}

void bus_keys_destroy(bus_keys_t **keys) {
    if (*keys) {
        explicit_bzero(*keys, sizeof **keys);
        free(*keys);
        *keys = NULL;
    }
}

/* -- asking -- */

const uint8_t *bus_keys_own_public(const bus_keys_t *keys) {
    return keys->public_key;
}

const uint8_t *bus_keys_own_secret(const bus_keys_t *keys) {
    return keys->secret_key;
}

const uint8_t *bus_keys_of(bus_keys_t *keys, process_kind host, uint64_t now_ms) {
    refresh(keys, now_ms);
    const certificate *current = find_current(keys, host);
    return current ? current->key : NULL;
}

process_kind bus_keys_owner(bus_keys_t *keys, const uint8_t key[BUS_KEY_BYTES], uint64_t now_ms) {
    refresh(keys, now_ms);
    for (size_t i = 0; i < keys->known.count; i++) {
        if (memcmp(keys->known.all[i].key, key, BUS_KEY_BYTES) == 0) {
            return keys->known.all[i].kind;
        }
    }
    return 0;
}
