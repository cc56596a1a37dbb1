/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzz target over the files of the folders that are named: the corpus, as a test. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static int replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return -1;
    (void)fseek(file, 0, SEEK_END);
    long size = ftell(file);
    (void)fseek(file, 0, SEEK_SET);
    uint8_t *data = malloc(size > 0 ? (size_t)size : 1);
    size_t n = data ? fread(data, 1, size > 0 ? (size_t)size : 0, file) : 0;
    (void)fclose(file);
    if (data != NULL && n == (size_t)size)
        (void)LLVMFuzzerTestOneInput(data, n);
    free(data);
    return 0;
}

static int replay_folder(const char *folder)
{
    char path[4096];
    int count = 0;
    DIR *dir = opendir(folder);
    if (dir == NULL)
        return -1;
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (replay_file(path) == 0)
            count++;
    }
    (void)closedir(dir);
    return count;
}

int main(int argc, char **argv)
{
    int total = 0;

    for (int i = 1; i < argc; i++) {
        int count = replay_folder(argv[i]);
        if (count < 0) {
            (void)fprintf(stderr, "%s: cannot read the corpus\n", argv[i]);
            return 1;
        }
        total += count;
    }
    (void)printf("%d inputs replayed\n", total);
    return total > 0 ? 0 : 1;
}
