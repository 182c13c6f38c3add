#include "tests/support/catalogue_copy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FILE = 1024 * 1024 };

static void need(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "catalogue_copy: %s\n", what);
    abort();
}

void test_catalogue_copy(const char *folder, char out_path[TEST_CATALOGUE_PATH_SIZE])
{
    char command[3 * TEST_CATALOGUE_PATH_SIZE];
    snprintf(command, sizeof command,
             "mkdir -p '%s/subscribers' && cp -r '" XINQIAO_SOURCE "/schemas' '%s' && "
             "cp -r '" XINQIAO_SOURCE "/subscribers/receivers' '%s/subscribers'",
             folder, folder, folder);
    need(system(command) == 0, command);
    snprintf(out_path, TEST_CATALOGUE_PATH_SIZE, "%s/schemas/catalogue.cfg", folder);
}

void test_catalogue_change(const char *folder, const char *name, const char *from, const char *to)
{
    static char text[MAX_FILE];
    char path[TEST_CATALOGUE_PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "r");
    need(file != NULL, path);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    const char *found = strstr(text, from);
    need(found != NULL, from);
    file = fopen(path, "w");
    need(file != NULL, path);
    fprintf(file, "%.*s%s%s", (int)(found - text), text, to, found + strlen(from));
    need(fclose(file) == 0, path);
}
