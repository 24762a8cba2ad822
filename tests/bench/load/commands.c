#include "tests/bench/load/commands.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { TIMEOUT_S = 60, WINDOW = 64, EVERY_TARGET = -1 };

/* ---- answers ---- */

static double cpu_seconds(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (double)used.ru_utime.tv_sec + (double)used.ru_stime.tv_sec +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static void answer(const commands *self, const char *error, uint64_t began_ns) {
    uint64_t now_ns = monotonic_ns();
    printf("{\"ok\":%s,\"error\":\"%s\",\"seconds\":%.6f,\"now_ns\":%llu,\"cpu_s\":%.6f,\"open\":%zu,",
           *error ? "false" : "true", error, (double)(now_ns - began_ns) / 1e9, (unsigned long long)now_ns,
           cpu_seconds(), self->fleet->in_state[CLIENT_OPEN]);
    counters_print(&self->fleet->counters);
    printf("}\n");
    fflush(stdout);
}

uint64_t commands_step(commands *self) {
    uint64_t wake_ns = UINT64_MAX;
    switch (job_step(&self->job, self->fleet, monotonic_ns(), &wake_ns)) {
    case JOB_GOES_ON:
        return wake_ns;
    case JOB_DONE:
        self->job.kind = JOB_NONE;
        answer(self, "", self->job.began_ns);
        break;
    case JOB_TIMED_OUT:
        self->job.kind = JOB_NONE;
        answer(self, "timed out", self->job.began_ns);
        break;
    }
    return UINT64_MAX;
}

/* ---- arguments: key=value, behind the name ---- */

/* NULL: not given. */
static const char *text_of(const char *arguments, const char *key, char *out, size_t out_bytes) {
    size_t key_bytes = strlen(key);
    for (const char *at = arguments; *at; at += strcspn(at, " ")) {
        at += strspn(at, " ");
        if (strncmp(at, key, key_bytes) == 0 && at[key_bytes] == '=') {
            size_t len = strcspn(at + key_bytes + 1, " ");
            if (len >= out_bytes) {
                return NULL;
            }
            memcpy(out, at + key_bytes + 1, len);
            out[len] = '\0';
            return out;
        }
    }
    return NULL;
}

static double number_of(const char *arguments, const char *key, double otherwise) {
    char text[64];
    return text_of(arguments, key, text, sizeof text) ? strtod(text, NULL) : otherwise;
}

/* ---- setting up ---- */

static char *read_whole(const char *path, size_t *ret_len_bytes) {
    FILE *file = fopen(path, "rb");
    char *text = NULL;
    if (!file) {
        return NULL;
    }
    if (fseek(file, 0, SEEK_END) == 0) {
        long len_bytes = ftell(file);
        rewind(file);
        text = len_bytes >= 0 ? malloc((size_t)len_bytes + 1) : NULL;
        if (text && fread(text, 1, (size_t)len_bytes, file) == (size_t)len_bytes) {
            text[len_bytes] = '\0';
            *ret_len_bytes = (size_t)len_bytes;
        } else {
            free(text);
            text = NULL;
        }
    }
    fclose(file);
    return text;
}

static const char *take_users(commands *self, const char *arguments) {
    char path[512];
    size_t len_bytes = 0;
    size_t count = 0;
    fleet *f = self->fleet;
    if (f->clients || sscanf(arguments, " %511s", path) != 1 ||
        !(self->users = read_whole(path, &len_bytes))) {
        return "cannot read the users, or they are there";
    }
    for (size_t i = 0; i < len_bytes; i++) {
        count += self->users[i] == '\n';
    }
    f->clients = calloc(count + 1, sizeof *f->clients);
    if (!f->clients) {
        return "no memory";
    }
    f->first_number = (uint64_t)number_of(arguments, "first_number", 0);
    char *at = self->users;
    for (; f->clients_count < count; f->clients_count++) {
        char *end = strchr(at, '\n');
        *end = '\0';
        f->clients[f->clients_count] = (client){.token = at, .fd = -1, .move_after_ms = -1};
        at = end + 1;
    }
    f->in_state[CLIENT_CLOSED] = count;
    return "";
}

static const char *take_targets(const commands *self, const char *arguments) {
    fleet *f = self->fleet;
    char list[512];
    char text[64];
    if (sscanf(arguments, " %511s", list) != 1) {
        return "no target";
    }
    f->targets_count = 0;
    for (char *save = NULL, *item = strtok_r(list, ",", &save); item; item = strtok_r(NULL, ",", &save)) {
        struct sockaddr_in *target = &f->targets[f->targets_count];
        char *colon = strrchr(item, ':');
        if (!colon || f->targets_count == TARGETS_MAX) {
            return "bad target";
        }
        *colon = '\0';
        *target = (struct sockaddr_in){.sin_family = AF_INET,
                                       .sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10))};
        if (inet_pton(AF_INET, item, &target->sin_addr) != 1) {
            return "bad target";
        }
        f->targets_count++;
    }
    if (text_of(arguments, "source", text, sizeof text)) {
        struct in_addr source;
        if (inet_pton(AF_INET, text, &source) != 1) {
            return "bad source";
        }
        f->source = ntohl(source.s_addr);
        f->sources_count = (unsigned)number_of(arguments, "sources", 1);
    }
    return f->sources_count > 0 || f->source == 0 ? "" : "bad sources";
}

static const char *take_moves(const commands *self, const char *arguments) {
    char how[16];
    if (!text_of(arguments, "how", how, sizeof how)) {
        return "how is needed";
    }
    self->fleet->moves_at_once = strcmp(how, "at_once") == 0;
    self->fleet->moves = self->fleet->moves_at_once || strcmp(how, "told") == 0;
    return "";
}

/* ---- jobs ---- */

/* Gives the range that will be opened a kind of its own. */
static const char *prepare_open(const commands *self, const char *arguments) {
    fleet *f = self->fleet;
    const job *j = &self->job;
    char wire[16];
    int target = (int)number_of(arguments, "target", EVERY_TARGET);
    if (f->targets_count == 0 || f->kinds_count == KINDS_MAX || target >= (int)f->targets_count) {
        return "no target, or too many kinds";
    }
    client_kind *kind = &f->kinds[f->kinds_count];
    if (!text_of(arguments, "path", kind->path, sizeof kind->path)) {
        strcpy(kind->path, "/");
    }
    kind->never_reads = number_of(arguments, "never_reads", 0) > 0;
    kind->wire = text_of(arguments, "wire", wire, sizeof wire) && strcmp(wire, "socketio") == 0
                     ? WIRE_SOCKETIO
                     : WIRE_PRESENCE;
    for (size_t i = j->first; i < j->first + j->count; i++) {
        client *c = &f->clients[i];
        if (c->state != CLIENT_CLOSED) {
            return "some of them are open";
        }
        c->kind = (uint8_t)f->kinds_count;
        c->move_after_ms = -1;
        c->target = (uint8_t)(target == EVERY_TARGET ? i % f->targets_count : (unsigned)target);
    }
    f->kinds_count++;
    return "";
}

static const char *prepare_wait(commands *self, const char *arguments) {
    char name[32];
    job *j = &self->job;
    if (!text_of(arguments, "for", name, sizeof name)) {
        return "";
    }
    j->counter = counters_find(&self->fleet->counters, name);
    j->counter_wanted = (uint64_t)number_of(arguments, "count", 1);
    return j->counter ? "" : "no such counter";
}

static const char *prepare_say(commands *self, const char *arguments) {
    char path[512];
    job *j = &self->job;
    free(self->message);
    self->message =
        text_of(arguments, "file", path, sizeof path) ? read_whole(path, &j->message_bytes) : NULL;
    j->message = (const uint8_t *)self->message;
    return self->message && j->message_bytes <= CLIENT_SAYS_MAX_BYTES ? "" : "cannot read it, or too long";
}

static job_kind job_of(const char *name) {
    static const struct {
        const char *name;
        job_kind kind;
    } kinds[] = {{"open", JOB_OPEN},   {"close", JOB_CLOSE}, {"drop", JOB_DROP}, {"change", JOB_CHANGE},
                 {"flood", JOB_FLOOD}, {"wait", JOB_WAIT},   {"say", JOB_SAY}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            return kinds[i].kind;
        }
    }
    return JOB_NONE;
}

static const char *begin_job(commands *self, job_kind kind, const char *arguments) {
    fleet *f = self->fleet;
    uint64_t now_ns = monotonic_ns();
    self->job = (job){.kind = kind,
                      .first = (size_t)number_of(arguments, "first", 0),
                      .count = (size_t)number_of(arguments, "count", 0),
                      .window = (size_t)number_of(arguments, "window", WINDOW),
                      .per_second = number_of(arguments, "per_second", 0),
                      .began_ns = now_ns,
                      .for_ns = (uint64_t)(number_of(arguments, "seconds", 0) * 1e9),
                      .deadline_ns = now_ns + (uint64_t)(number_of(arguments, "timeout", TIMEOUT_S) * 1e9)};
    const job *j = &self->job;
    if (kind == JOB_WAIT) {
        return prepare_wait(self, arguments);
    }
    if (j->count > f->clients_count || j->first > f->clients_count - j->count) {
        return "no such clients";
    }
    if (kind == JOB_CHANGE && (j->per_second <= 0 || j->count == 0)) {
        return "per_second and count are needed";
    }
    if (kind == JOB_FLOOD) {
        f->flooding = true;
    }
    return kind == JOB_OPEN  ? prepare_open(self, arguments)
           : kind == JOB_SAY ? prepare_say(self, arguments)
                             : "";
}

void commands_take(commands *self, char *line) {
    size_t name_bytes = strcspn(line, " ");
    const char *arguments = line + name_bytes + (line[name_bytes] != '\0');
    const char *error = "no such command";
    line[name_bytes] = '\0';
    job_kind kind = job_of(line);
    if (self->job.kind != JOB_NONE) {
        error = "busy";
    } else if (kind != JOB_NONE) {
        error = begin_job(self, kind, arguments);
        if (!*error) {
            return; /* answered when it is done */
        }
        self->job.kind = JOB_NONE;
    } else if (strcmp(line, "users") == 0) {
        error = take_users(self, arguments);
    } else if (strcmp(line, "targets") == 0) {
        error = take_targets(self, arguments);
    } else if (strcmp(line, "moves") == 0) {
        error = take_moves(self, arguments);
    } else if (strcmp(line, "calm") == 0) {
        self->fleet->flooding = false;
        error = "";
    } else if (strcmp(line, "clear") == 0) {
        self->fleet->counters = (counters){0};
        error = "";
    } else if (strcmp(line, "report") == 0) {
        error = "";
    }
    answer(self, error, monotonic_ns());
}
