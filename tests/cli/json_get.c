/* SPDX-License-Identifier: Apache-2.0 */
/** @file json_get.c: reads one JSON text from stdin and prints what lies at a path in it.
 *
 *      json_get < file                       nothing but the exit code: is it JSON?
 *      json_get runs.0.outputs.1.name < file
 *
 *  Arrays and objects print their number of members. Exit code 1: no JSON, or no such path. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

static const json_t *walk(const json_t *at, char *path)
{
    char *rest = NULL;

    for (char *key = strtok_r(path, ".", &rest); at != NULL && key != NULL;
         key = strtok_r(NULL, ".", &rest))
        at = json_is_array(at) ? json_array_get(at, strtoul(key, NULL, 10))
                               : json_object_get(at, key);
    return at;
}

static void print(const json_t *value)
{
    if (json_is_string(value))
        (void)printf("%s\n", json_string_value(value));
    else if (json_is_integer(value))
        (void)printf("%" JSON_INTEGER_FORMAT "\n", json_integer_value(value));
    else if (json_is_real(value))
        (void)printf("%.9g\n", json_real_value(value));
    else if (json_is_array(value))
        (void)printf("%zu\n", json_array_size(value));
    else if (json_is_object(value))
        (void)printf("%zu\n", json_object_size(value));
    else
        (void)printf("%s\n", json_is_true(value)    ? "true"
                             : json_is_false(value) ? "false"
                                                    : "null");
}

int main(int argc, char **argv)
{
    json_error_t error;
    json_t *root = json_loadf(stdin, JSON_REJECT_DUPLICATES, &error);

    if (root == NULL) {
        (void)fprintf(stderr, "json_get: line %d: %s\n", error.line, error.text);
        return 1;
    }
    const json_t *value = argc > 1 ? walk(root, argv[1]) : root;
    if (value == NULL)
        (void)fprintf(stderr, "json_get: nothing at %s\n", argv[1]);
    else if (argc > 1)
        print(value);
    json_decref(root);
    return value != NULL ? 0 : 1;
}
