// Rows of bytes, as requests spell them.
#pragma once
#include <nanobind/nanobind.h>

namespace luce {
void bind_byte_rows(nanobind::module_& m);
}
