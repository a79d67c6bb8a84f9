/* Stands in for libFuzzer where a fuzz target is built without it: runs the target over every file of the directories
 * given, so that each build keeps the targets and what they once found working. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
replay_file(const char *directory, const char *name)
{
    char path[4096];
    FILE *file;
    uint8_t *data;
    long size;
    size_t read;

    snprintf(path, sizeof(path), "%s/%s", directory, name);
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

int
main(int argc, char **argv)
{
    int count = 0;

    for (int i = 1; i < argc; i++) {
        DIR *directory = opendir(argv[i]);
        struct dirent *entry;

        if (directory == NULL) {
            perror(argv[i]);
            return 1;
        }
        while ((entry = readdir(directory)) != NULL) {
            if (entry->d_name[0] != '.') {
                count += replay_file(argv[i], entry->d_name);
            }
        }
        closedir(directory);
    }
    printf("%d inputs, no fault\n", count);
    return count == 0;
}
