/* Stands in for libFuzzer where a fuzz target is built without it: runs the target over every file of the directories
 * given and those in them, so that each build keeps the targets and what they once found working. */
#include <dirent.h>
#include <sys/stat.h>

#include "fuzz/fact.h"

static int
replay_file(const char *path)
{
    FILE *file;
    uint8_t *data;
    long size;
    size_t read;

    file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0 || (size = ftell(file)) < 0) {
        perror(path);
        exit(1);
    }
    rewind(file);
    data = malloc(size == 0 ? 1 : (size_t)size);
    read = data == NULL ? 0 : fread(data, 1, (size_t)size, file);
    fclose(file);
    if (data == NULL || read != (size_t)size) {
        fprintf(stderr, "%s: cannot be read\n", path);
        exit(1);
    }
    LLVMFuzzerTestOneInput(data, read);
    free(data);
    return 1;
}

static int
replay_directory(const char *directory)
{
    DIR *stream = opendir(directory);
    struct dirent *entry;
    char path[4096];
    struct stat status;
    int count = 0;

    if (stream == NULL) {
        perror(directory);
        exit(1);
    }
    while ((entry = readdir(stream)) != NULL) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
        count += stat(path, &status) == 0 && S_ISDIR(status.st_mode) ? replay_directory(path) : replay_file(path);
    }
    closedir(stream);
    return count;
}

int
main(int argc, char **argv)
{
    int count = 0;

    for (int i = 1; i < argc; i++) {
        count += replay_directory(argv[i]);
    }
    printf("%d inputs, no fault\n", count);
    return count == 0;
}
