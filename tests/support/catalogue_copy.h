/* Catalogue copy: the repository's catalogue in a folder of a test's own, where it may be changed. */
#ifndef TEST_SUPPORT_CATALOGUE_COPY_H
#define TEST_SUPPORT_CATALOGUE_COPY_H

#include <stdbool.h>

enum { TEST_CATALOGUE_PATH_SIZE = 256 };

/* Copies schemas/ and subscribers/ into `folder`; `out_path` is the catalogue's file. Aborts when that fails. */
void test_catalogue_copy(const char *folder, char out_path[TEST_CATALOGUE_PATH_SIZE]);
/* Replaces the first `from` in the file `name` of the folder by `to`. Aborts when it is not there. */
void test_catalogue_change(const char *folder, const char *name, const char *from, const char *to);

#endif
