#include "engine/train/trained_model.h"
#include <array>

// A step of the optimizer whose state, or gradients, lie in pinned memory: pieces of them pass
// through three rooms on the device, so that one is copied in while another is computed and the one
// before is copied back.

namespace sweetspot {

namespace {

constexpr std::int64_t most_numbers = 1 << 20; ///< of a piece: 4 MiB in f32
constexpr std::size_t room_count = 3;

/// A tensor of a piece that lies elsewhere, and its place on the device.
struct Guest {
    Out home, here;
    bool returns = false; ///< what becomes of it is wanted
};

struct Room {
    explicit Room(Context& context) : in(context, AsideCopy::in), out(context, AsideCopy::out) {}
    Tensor master{}, mean{}, square{}, gradient{};
    AsideCopy in, out;
    std::vector<Guest> guests{};

    /// The view becomes that of its place in the room.
    template <class View>
    void invite(View& view, const Tensor& place, bool returns) {
        if (!view.present()) return;
        const Out here{place.as<void>(), view.shape, view.dtype};
        guests.push_back({{const_cast<void*>(view.data), view.shape, view.dtype}, here, returns});
        view = here;
    }
};

} // namespace

void TrainedModel::apply_through_room(const StepSettings& step) {
    std::vector<Piece> pieces;
    std::int64_t largest = 0;
    for (const Learned& learned : learned_)
        for (const Piece& piece : pieces_of(learned, most_numbers)) {
            pieces.push_back(piece);
            largest = std::max(largest, piece.value.shape.count());
        }
    const auto place = [&](bool wanted, Purpose purpose) {
        return wanted ? Tensor(context_.allocator, {largest}, DType::f32, purpose) : Tensor();
    };
    std::deque<Room> rooms;
    for (std::size_t i = 0; i < std::min(room_count, pieces.size()); ++i) {
        Room& room = rooms.emplace_back(context_);
        for (Tensor* state : {&room.master, &room.mean, &room.square})
            *state = place(run_.offload_optimizer, Purpose::optimizer);
        room.gradient = place(run_.offload_gradients, Purpose::gradients);
    }
    const auto fetch = [&](std::size_t at) {
        if (at >= pieces.size()) return;
        Piece& piece = pieces[at];
        Room& room = rooms[at % rooms.size()];
        room.guests.clear();
        if (run_.offload_optimizer) {
            if (piece.learned->master.present()) room.invite(piece.value, room.master, true);
            room.invite(piece.mean, room.mean, true), room.invite(piece.square, room.square, true);
        }
        if (is_aside(*piece.learned)) room.invite(piece.gradient, room.gradient, false);
        room.in.begin(&room.out);
        for (const Guest& guest : room.guests) room.in.copy(guest.here, guest.home);
        room.in.end();
    };
    fetch(0);
    for (std::size_t at = 0; at < pieces.size(); ++at) {
        fetch(at + 1);
        Room& room = rooms[at % rooms.size()];
        room.in.join();
        apply(pieces[at], step);
        room.out.begin();
        for (const Guest& guest : room.guests)
            if (guest.returns) room.out.copy(guest.home, guest.here);
        room.out.end();
    }
    for (const Room& room : rooms) {
        room.out.join();
        moved_ += room.in.bytes() + room.out.bytes();
    }
}

} // namespace sweetspot
