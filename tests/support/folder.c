#include "tests/support/folder.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void test_folder_make(char out_path[TEST_FOLDER_SIZE])
{
    snprintf(out_path, TEST_FOLDER_SIZE, "/tmp/xinqiao-test-XXXXXX");
    if (mkdtemp(out_path) == NULL)
        abort();
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *where)
{
    (void)status;
    (void)kind;
    (void)where;
    return remove(path);
}

void test_folder_remove(const char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
