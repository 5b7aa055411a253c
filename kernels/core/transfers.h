#pragma once
#include <array>
#include <cstddef>
#include <memory>
#include <string_view>

namespace sweetspot {

/// What the driver is told about managed memory that is read more often than written
/// (cudaMemAdvise).
enum class Advice { none, preferred_location, read_mostly, accessed_by };
constexpr std::array<std::string_view, 4> names_of(Advice) {
    return {"none", "preferred_location", "read_mostly", "accessed_by"};
}

/// Something that happened on a stream, for other streams to wait for.
class Event {
public:
    virtual ~Event() = default;
};

/// Moves memory beside the stream that computes: copies and prefetches on streams of their own,
/// ordered by events. Nothing is waited for on the host. Calls throw Error(device).
class Transfers {
public:
    virtual ~Transfers() = default;

    /// The stream that ops are launched on; the others are 0 up to count() - 1.
    static constexpr int compute = -1;
    virtual int count() const = 0;

    /// Both must stay valid until the copy is done; host memory is pinned.
    virtual void copy(int stream, void* to, const void* from, std::size_t bytes) = 0;
    /// Managed memory moves to the device.
    virtual void prefetch(int stream, const void* data, std::size_t bytes) = 0;
    virtual void advise(const void* data, std::size_t bytes, Advice) = 0;

    virtual std::unique_ptr<Event> make_event() = 0;
    /// The event happens when all that the stream has been given is done. An event can be recorded
    /// again; who waits afterwards waits for the newest.
    virtual void record(Event&, int stream) = 0;
    /// What the stream is given from now on waits for the event. Before it was recorded: at once.
    virtual void wait(int stream, const Event&) = 0;
};

} // namespace sweetspot
