#include "results.hpp"

#include <cstdlib>
#include <mutex>
#include <unordered_map>
#include <vector>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace luce {
namespace {

constexpr int64_t kPage = 2 << 20;     // a huge page
constexpr int64_t kKept = 256 << 20;  // bytes kept for the next results at most

struct Block {
  void* memory;
  int64_t bytes;
};

struct Store {
  std::mutex mutex;
  std::vector<Block> kept;  // the longest unused first
  std::unordered_map<void*, int64_t> lent;
  int64_t kept_bytes = 0;

  Block remove(size_t i) {
    const Block block = kept[i];
    kept.erase(kept.begin() + i);
    kept_bytes -= block.bytes;
    return block;
  }
};

Store& store() {
  static Store* the_store = new Store;  // never destroyed: arrays may outlive the module
  return *the_store;
}

void* allocated(int64_t bytes) {
#ifdef __linux__
  void* memory = nullptr;
  if (posix_memalign(&memory, kPage, bytes) != 0) return nullptr;
  madvise(memory, bytes, MADV_HUGEPAGE);
  return memory;
#else
  return std::malloc(bytes);
#endif
}

}  // namespace

void* take_result_memory(int64_t bytes) {
  bytes = (bytes + kPage - 1) / kPage * kPage;
  Store& s = store();
  std::lock_guard<std::mutex> lock(s.mutex);
  size_t best = s.kept.size();
  for (size_t i = 0; i < s.kept.size(); ++i) {
    const int64_t have = s.kept[i].bytes;
    if (have < bytes || have > bytes + bytes / 4) continue;
    if (best == s.kept.size() || have < s.kept[best].bytes) best = i;
  }
  const Block block = best < s.kept.size() ? s.remove(best) : Block{allocated(bytes), bytes};
  if (block.memory) s.lent[block.memory] = block.bytes;
  return block.memory;
}

void give_result_memory(void* memory) {
  Store& s = store();
  std::lock_guard<std::mutex> lock(s.mutex);
  const auto found = s.lent.find(memory);
  const Block block{memory, found->second};
  s.lent.erase(found);
  if (block.bytes > kKept) return std::free(memory);
  while (s.kept_bytes + block.bytes > kKept) std::free(s.remove(0).memory);
#ifdef MADV_FREE
  madvise(memory, block.bytes, MADV_FREE);  // the system may have it back whenever it needs it
#endif
  s.kept.push_back(block);
  s.kept_bytes += block.bytes;
}

}  // namespace luce
