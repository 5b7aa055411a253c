// What the process holds is what the ledger says: memory that was freed serves the next request.
#include "kernels/core/memory.h"
#include "tests/suite.h"
#include <cstring>
#include <fstream>
#include <malloc.h>
#include <string>
#include <vector>

using namespace sweetspot;

class HostMemoryTest : public QObject {
    Q_OBJECT
private slots:
    void memory_is_aligned_and_all_of_it_can_be_written() {
        HostAllocator allocator;
        for (const std::size_t bytes : {1, 63, 64, 65, 4096, 3 << 20, (5 << 20) + 3}) {
            Buffer buffer(allocator, bytes, Purpose::weights);
            QCOMPARE(reinterpret_cast<std::uintptr_t>(buffer.data()) % allocation_alignment,
                     std::uintptr_t(0));
            std::memset(buffer.data(), 1, bytes);
        }
        QCOMPARE(allocator.use().live_total, std::size_t(0));
    }

    /// As a model is loaded: each matrix is read or drawn, packed into memory that stays, and
    /// freed.
    void what_was_freed_serves_the_next_request_of_its_size() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
        QSKIP("a sanitizer's own malloc tells nothing of its heap");
#endif
        keep_freed_memory();
        constexpr std::size_t bytes = 3'686'400; // of a layer of ESM-2 35M
        constexpr std::size_t layers = 12;
        HostAllocator allocator;
        const auto held = [] { // but for what the heap has behind its last block
            const auto heap = mallinfo2();
            return heap.arena + heap.hblkhd - heap.keepcost;
        };
        const std::size_t before = held();
        std::vector<Buffer> kept;
        for (std::size_t i = 0; i < layers; ++i) {
            Buffer source(allocator, bytes, Purpose::workspace);
            kept.emplace_back(allocator, bytes, Purpose::weights);
        }
        const std::size_t grown = held() - before;
        QVERIFY2(grown <= (layers + 2) * bytes, qPrintable(QString("%1 bytes").arg(grown)));
    }

    /// Where the system gives huge pages only to who asks, as many do, a heap of weights as large
    /// as a page or two had next to none.
    void weights_that_lie_side_by_side_lie_in_huge_pages() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
        QSKIP("a sanitizer's own malloc grows no heap");
#endif
        std::string choice;
        std::getline(std::ifstream("/sys/kernel/mm/transparent_hugepage/enabled"), choice);
        if (choice.find("[always]") == choice.npos && choice.find("[madvise]") == choice.npos)
            QSKIP("this system has no transparent huge pages");
        keep_freed_memory();
        constexpr std::size_t bytes = 2'359'296, count = 100; // of LLaMA 110M
        HostAllocator allocator;
        std::vector<Buffer> weights;
        const std::size_t before = huge_page_bytes();
        for (std::size_t i = 0; i < count; ++i) {
            weights.emplace_back(allocator, bytes, Purpose::weights);
            std::memset(weights.back().data(), 1, bytes);
        }
        const std::size_t huge = huge_page_bytes() - before;
        QVERIFY2(huge >= count * bytes * 3 / 4, qPrintable(QString("%1 bytes").arg(huge)));
    }

private:
    static std::size_t huge_page_bytes() {
        std::ifstream use("/proc/self/smaps_rollup");
        std::string word;
        std::size_t kibibytes = 0;
        while (use >> word)
            if (word == "AnonHugePages:") use >> kibibytes;
        return kibibytes * 1024;
    }
};

SWEETSPOT_TEST(HostMemoryTest)
#include "host_memory_test.moc"
