/* Runs every file of the given folders once through a fuzz target: the corpus as a plain test. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path, size_t size)
{
    FILE *file = fopen(path, "rb");
    /* Exactly as large as the input, so that a read past the end is seen by the sanitizers. */
    uint8_t *data = malloc(size > 0 ? size : 1);
    int ok = file != NULL && data != NULL && fread(data, 1, size, file) == size;

    if (ok)
        (void)LLVMFuzzerTestOneInput(data, size);
    else
        fprintf(stderr, "%s: cannot be read\n", path);
    free(data);
    if (file != NULL)
        (void)fclose(file);
    return ok ? 1 : -1;
}

/* Returns the number of files that went through, or -1 when one could not be read. */
static int replay_folder(const char *folder)
{
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, NULL, alphasort);
    int done = 0;

    for (int i = 0; i < count; i++) {
        char path[4096];
        struct stat info;
        int length = snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
        int readable = length > 0 && (size_t)length < sizeof(path) && stat(path, &info) == 0;

        if (!readable || (S_ISREG(info.st_mode) && replay_file(path, (size_t)info.st_size) < 0))
            done = -1;
        else if (S_ISREG(info.st_mode) && done >= 0)
            done++;
        free(entries[i]);
    }
    free(entries);
    return count < 0 ? -1 : done;
}

int main(int argc, char **argv)
{
    int total = 0;

    for (int i = 1; i < argc; i++) {
        int done = replay_folder(argv[i]);

        if (done < 0)
            return EXIT_FAILURE;
        total += done;
    }
    printf("%d inputs\n", total);
    return total > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
