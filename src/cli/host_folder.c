/* JSON in and out, a lock, and names. */
#include "cli/host_folder.h"

#include "base/fd.h"
#include "base/text.h"
#include "cli/files.h"
#include "cli/output.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define STATE_MAX (64 * KIB)
#define HOST_FILE "host.json"

const char *const enclave_states[ENCLAVE_STATES_] = {
    [ENCLAVE_STARTING] = "starting",
    [ENCLAVE_READY] = "ready",
    [ENCLAVE_DRAINING] = "draining",
};

/* ── the folder ── */

void host_folder_file(const struct host_folder *f, const char *name, char *ret)
{
    (void)snprintf(ret, HOST_PATH_MAX, "%s/%s", f->path, name);
}

void host_folder_of(const struct host_folder *f, uint32_t cid, const char *ending, char *ret)
{
    (void)snprintf(ret, HOST_PATH_MAX, "%s/%u.%s", f->path, cid, ending);
}

static err_t choose(const char *path, char ret[static HOST_PATH_MAX], struct why *why)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    if (path != NULL)
        (void)snprintf(ret, HOST_PATH_MAX, "%s", path);
    else if (runtime != NULL && runtime[0] == '/')
        (void)snprintf(ret, HOST_PATH_MAX, "%s/veronnx", runtime);
    else if (geteuid() == 0)
        (void)snprintf(ret, HOST_PATH_MAX, "/run/veronnx");
    else
        return why_set(why, ERR_USAGE, "--run-dir: say where, XDG_RUNTIME_DIR is not set");
    return OK;
}

/* Sockets are named by it on the command lines of others, so it is absolute, short and plain. Who can write to it can
 * give commands. */
static err_t fit(const char *path, struct host_folder *f, struct why *why)
{
    char whole[HOST_PATH_MAX];
    struct stat st;
    if (realpath(path, whole) == NULL)
        return why_set(why, errno == ENOENT ? ERR_CLOSED : ERR_USAGE, "--run-dir: %s: %s", strerrordesc_np(errno),
                       path);
    if (stat(whole, &st) != 0 || !S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 022) != 0)
        return why_set(why, ERR_USAGE, "--run-dir: not a folder of yours that nobody else can write to: %s", path);
    if (strlen(whole) > HOST_FOLDER_MAX)
        return why_set(why, ERR_USAGE, "--run-dir: the path must have at most %d characters", HOST_FOLDER_MAX);
    if (strpbrk(whole, ",:={} ") != NULL)
        return why_set(why, ERR_USAGE, "--run-dir: the path must not have blanks or one of , : = { }");
    memcpy(f->path, whole, strlen(whole) + 1);
    return OK;
}

err_t host_folder_take(struct host_folder *f, struct why *why)
{
    if (flock(f->lock, LOCK_EX | LOCK_NB) == 0)
        return OK;
    return why_set(why, ERR_OVERLOADED, "another command is at work on %s", f->path);
}

err_t host_folder_release(struct host_folder *f)
{
    return flock(f->lock, LOCK_UN) == 0 ? OK : err_errno();
}

err_t host_folder_open(const char *path, enum host_folder_use use, struct host_folder *ret, struct why *why)
{
    AUTO(host_folder_done) struct host_folder f = HOST_FOLDER_NONE;
    char name[HOST_PATH_MAX];
    TRY(choose(path, name, why));
    if (use == HOST_FOLDER_MAKE && mkdir(name, 0700) != 0 && errno != EEXIST)
        return why_set(why, ERR_USAGE, "--run-dir: %s: %s", strerrordesc_np(errno), name);
    TRY(fit(name, &f, why));
    host_folder_file(&f, "lock", name);
    if (use != HOST_FOLDER_READ) {
        f.lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (f.lock < 0)
            return why_set(why, ERR_USAGE, "--run-dir: %s: %s", strerrordesc_np(errno), name);
        TRY(host_folder_take(&f, why));
    }
    *ret = f;
    f.lock = -1;
    return OK;
}

void host_folder_done(struct host_folder *f)
{
    fd_close(&f->lock);
}

err_t host_folder_put(const char *path, struct view text, struct why *why)
{
    AUTO(output_done) struct output o = OUTPUT_NONE;
    TRY(output_open(path, &o, why));
    TRY(fd_write_all(o.fd, text.data, text.len));
    return output_commit(&o, why);
}

/* ── JSON ── */

bool host_json_print(FILE *to, const yyjson_mut_doc *doc)
{
    return yyjson_mut_write_fp(to, doc, YYJSON_WRITE_PRETTY, NULL, NULL) && fputc('\n', to) != EOF;
}

static void put_process(yyjson_mut_doc *doc, yyjson_mut_val *to, const char *name, const struct process *p)
{
    yyjson_mut_val *o = yyjson_mut_obj_add_obj(doc, to, name);
    (void)yyjson_mut_obj_add_int(doc, o, "pid", p->pid);
    (void)yyjson_mut_obj_add_uint(doc, o, "since", p->since);
}

static void get_process(yyjson_val *from, const char *name, struct process *ret)
{
    yyjson_val *o = yyjson_obj_get(from, name);
    ret->pid = (pid_t)yyjson_get_int(yyjson_obj_get(o, "pid"));
    ret->since = yyjson_get_uint(yyjson_obj_get(o, "since"));
}

static void get_text(yyjson_val *from, const char *name, char *ret, size_t size)
{
    const char *text = yyjson_get_str(yyjson_obj_get(from, name));
    (void)snprintf(ret, size, "%s", text != NULL ? text : "");
}

static uint32_t get_u32(yyjson_val *from, const char *name)
{
    return (uint32_t)yyjson_get_uint(yyjson_obj_get(from, name));
}

static err_t write_to(int fd, const yyjson_mut_doc *doc)
{
    int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    FILE *f = own >= 0 ? fdopen(own, "w") : NULL;
    if (f == NULL) {
        fd_close(&own);
        return ERR_IO;
    }
    bool good = host_json_print(f, doc);
    return fclose(f) == 0 && good ? OK : ERR_IO;
}

/* Takes the document. */
static err_t write_json(const char *path, yyjson_mut_doc *doc, struct why *why)
{
    AUTO(output_done) struct output o = OUTPUT_NONE;
    err_t e = output_open(path, &o, why);
    if (e == OK)
        e = write_to(o.fd, doc);
    yyjson_mut_doc_free(doc);
    TRY(e);
    return output_commit(&o, why);
}

/* Sets all of what it is given. */
typedef void json_taker(yyjson_val *root, void *ret);

static err_t parse(struct view text, json_taker *take, void *ret)
{
    yyjson_doc *doc = yyjson_read((const char *)text.data, text.len, 0);
    if (doc == NULL)
        return ERR_MALFORMED;
    take(yyjson_doc_get_root(doc), ret);
    yyjson_doc_free(doc);
    return OK;
}

static err_t read_json(const char *path, json_taker *take, void *ret, struct why *why)
{
    AUTO_BUF struct buf text = BUF_WITH(STATE_MAX);
    TRY(file_read(path, &text, why));
    return parse(buf_view(&text), take, ret) == OK ? OK : why_set(why, ERR_IO, "not JSON: %s", path);
}

/* ── veronnx-host ── */

err_t host_side_write(const struct host_folder *f, const struct host_side *s, struct why *why)
{
    char path[HOST_PATH_MAX];
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    yyjson_mut_doc_set_root(doc, root);
    put_process(doc, root, "process", &s->process);
    yyjson_mut_val *urls = yyjson_mut_obj_add_arr(doc, root, "urls");
    for (size_t i = 0; i < s->n_public; i++)
        (void)yyjson_mut_arr_add_str(doc, urls, s->public_url[i]);
    (void)yyjson_mut_obj_add_str(doc, root, "admin", s->admin);
    (void)yyjson_mut_obj_add_str(doc, root, "probe", s->probe);
    (void)yyjson_mut_obj_add_str(doc, root, "probe_admin", s->probe_admin);
    (void)yyjson_mut_obj_add_str(doc, root, "qemu", s->settings.qemu);
    (void)yyjson_mut_obj_add_str(doc, root, "reach", s->settings.reach);
    (void)yyjson_mut_obj_add_uint(doc, root, "cpus", s->settings.cpus);
    (void)yyjson_mut_obj_add_uint(doc, root, "memory_mib", s->settings.memory_mib);
    (void)yyjson_mut_obj_add_bool(doc, root, "debug", s->settings.debug);
    host_folder_file(f, HOST_FILE, path);
    return write_json(path, doc, why);
}

static void take_host_side(yyjson_val *root, void *ret)
{
    struct host_side *s = ret;
    size_t i = 0, n = 0;
    yyjson_val *url = NULL;
    *s = (struct host_side){0};
    get_process(root, "process", &s->process);
    yyjson_arr_foreach(yyjson_obj_get(root, "urls"), i, n, url)
    {
        if (s->n_public < HOST_PUBLIC_MAX && yyjson_is_str(url))
            (void)snprintf(s->public_url[s->n_public++], HOST_URL_MAX, "%s", yyjson_get_str(url));
    }
    get_text(root, "admin", s->admin, sizeof(s->admin));
    get_text(root, "probe", s->probe, sizeof(s->probe));
    get_text(root, "probe_admin", s->probe_admin, sizeof(s->probe_admin));
    get_text(root, "qemu", s->settings.qemu, sizeof(s->settings.qemu));
    get_text(root, "reach", s->settings.reach, sizeof(s->settings.reach));
    s->settings.cpus = get_u32(root, "cpus");
    s->settings.memory_mib = get_u32(root, "memory_mib");
    s->settings.debug = yyjson_get_bool(yyjson_obj_get(root, "debug"));
}

err_t host_side_parse(struct view text, struct host_side *ret)
{
    return parse(text, take_host_side, ret);
}

err_t host_side_read(const struct host_folder *f, struct host_side *ret, struct why *why)
{
    char path[HOST_PATH_MAX];
    host_folder_file(f, HOST_FILE, path);
    if (access(path, F_OK) != 0)
        return why_set(why, ERR_CLOSED, "nothing runs in %s", f->path);
    return read_json(path, take_host_side, ret, why);
}

void host_side_forget(const struct host_folder *f)
{
    char path[HOST_PATH_MAX];
    host_folder_file(f, HOST_FILE, path);
    (void)unlink(path);
}

/* ── enclaves ── */

static const char *const pcr_names[ENCLAVE_PCRS] = {"PCR0", "PCR1", "PCR2"};
static const char *const process_names[ENCLAVE_PROCESSES] = {"vsock", "machine"};

err_t enclave_write(const struct host_folder *f, const struct enclave *e, struct why *why)
{
    char path[HOST_PATH_MAX];
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    yyjson_mut_doc_set_root(doc, root);
    (void)yyjson_mut_obj_add_uint(doc, root, "cid", e->cid);
    (void)yyjson_mut_obj_add_str(doc, root, "state", enclave_states[e->state]);
    (void)yyjson_mut_obj_add_str(doc, root, "name", e->name);
    (void)yyjson_mut_obj_add_str(doc, root, "id", e->id);
    (void)yyjson_mut_obj_add_str(doc, root, "image", e->image);
    for (size_t i = 0; i < ENCLAVE_PCRS; i++)
        (void)yyjson_mut_obj_add_str(doc, root, pcr_names[i], e->pcr[i]);
    for (size_t i = 0; i < ENCLAVE_PROCESSES; i++)
        put_process(doc, root, process_names[i], &e->processes[i]);
    (void)yyjson_mut_obj_add_uint(doc, root, "ready_ms", e->ready_ms);
    (void)yyjson_mut_obj_add_bool(doc, root, "simulated", e->simulated);
    (void)yyjson_mut_obj_add_bool(doc, root, "document_matches", e->matches);
    host_folder_of(f, e->cid, "json", path);
    return write_json(path, doc, why);
}

static void take_enclave(yyjson_val *root, void *ret)
{
    struct enclave *e = ret;
    char state[16];
    *e = (struct enclave){.cid = get_u32(root, "cid")};
    get_text(root, "state", state, sizeof(state));
    for (enum enclave_state s = 0; s < ENCLAVE_STATES_; s++)
        if (strcmp(state, enclave_states[s]) == 0)
            e->state = s;
    get_text(root, "name", e->name, sizeof(e->name));
    get_text(root, "id", e->id, sizeof(e->id));
    get_text(root, "image", e->image, sizeof(e->image));
    for (size_t i = 0; i < ENCLAVE_PCRS; i++)
        get_text(root, pcr_names[i], e->pcr[i], sizeof(e->pcr[i]));
    for (size_t i = 0; i < ENCLAVE_PROCESSES; i++)
        get_process(root, process_names[i], &e->processes[i]);
    e->ready_ms = get_u32(root, "ready_ms");
    e->simulated = yyjson_get_bool(yyjson_obj_get(root, "simulated"));
    e->matches = yyjson_get_bool(yyjson_obj_get(root, "document_matches"));
}

/* The number of CID.json. */
static bool is_enclave(const char *name, uint32_t *ret_cid)
{
    uint64_t cid = 0;
    struct view rest = view_of(name, strlen(name));
    struct view number = view_cut(&rest, '.');
    if (!view_is(rest, "json") || text_u64(number, UINT32_MAX, &cid) != OK)
        return false;
    *ret_cid = (uint32_t)cid;
    return true;
}

static int by_cid(const void *a, const void *b)
{
    const struct enclave *x = a, *y = b;
    return x->cid < y->cid ? -1 : x->cid > y->cid;
}

err_t enclave_parse(struct view text, struct enclave *ret)
{
    return parse(text, take_enclave, ret);
}

static err_t read_enclave(const struct host_folder *f, uint32_t cid, struct enclave *ret, struct why *why)
{
    char path[HOST_PATH_MAX];
    host_folder_of(f, cid, "json", path);
    return read_json(path, take_enclave, ret, why);
}

err_t enclaves_read(const struct host_folder *f, struct enclave ret[static HOST_ENCLAVES_MAX], size_t *ret_n,
                    struct why *why)
{
    size_t n = 0;
    err_t e = OK;
    DIR *d = opendir(f->path);
    if (d == NULL)
        return why_set(why, ERR_IO, "%s: %s", strerrordesc_np(errno), f->path);
    for (struct dirent *entry = readdir(d); e == OK && entry != NULL && n < HOST_ENCLAVES_MAX; entry = readdir(d)) {
        uint32_t cid = 0;
        if (is_enclave(entry->d_name, &cid))
            e = read_enclave(f, cid, &ret[n++], why);
    }
    (void)closedir(d);
    TRY(e);
    qsort(ret, n, sizeof(*ret), by_cid);
    *ret_n = n;
    return OK;
}

void enclave_forget(const struct host_folder *f, const struct enclave *e)
{
    static const char *const endings[] = {"json",  "pcrs.json",  "root.pem",   "device",
                                          "vsock", "vsock_9002", "vsock_9003", "vsock_9004"};
    char path[HOST_PATH_MAX];
    for (size_t i = 0; i < COUNT_OF(endings); i++) {
        host_folder_of(f, e->cid, endings[i], path);
        (void)unlink(path);
    }
}
