/* Folder: a temporary folder for one test. */
#ifndef TEST_SUPPORT_FOLDER_H
#define TEST_SUPPORT_FOLDER_H

enum { TEST_FOLDER_SIZE = 128 };

/* Makes an empty folder below /tmp and writes its path. */
void test_folder_make(char out_path[TEST_FOLDER_SIZE]);
/* Removes it with all that is in it. */
void test_folder_remove(const char *path);

#endif
