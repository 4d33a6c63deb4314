// Memory for large results that is used again, so that it need not be faulted in each time.
#pragma once
#include <cstdint>

namespace luce {

// Memory of at least so many bytes; returned by `give_result_memory`. Null if there is none.
void* take_result_memory(int64_t bytes);
void give_result_memory(void* memory);

}  // namespace luce
