/* analyzer.h: what clang's analyzer cannot see, for it looks into one file at a time: the functions
 * that fill an error always return false. Only clang-tidy includes this (see Makefile). */
#ifndef PGCERT_TESTS_LINT_ANALYZER_H
#define PGCERT_TESTS_LINT_ANALYZER_H

#include "base/err.h"

#define err_set(...) ((void)err_set(__VA_ARGS__), false)
#define err_errno(...) ((void)err_errno(__VA_ARGS__), false)
#define err_crypto(...) ((void)err_crypto(__VA_ARGS__), false)
#define err_memory(e) ((void)err_memory(e), false)
#define err_wrap(...) ((void)err_wrap(__VA_ARGS__), false)

#endif
