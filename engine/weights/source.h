#pragma once
#include "engine/weights/packed_tensors.h"
#include "engine/weights/parameters.h"
#include "engine/weights/stored_tensors.h"
#include "kernels/core/context.h"
#include <set>

namespace sweetspot {

/// How many threads the work of a CPU uses; with a GPU, what its host has.
int threads_of(const Context&);

/// Where a model's numbers come from: files, or draws.
class WeightSource {
public:
    virtual ~WeightSource() = default;

    /// The tensors to be stacked for a parameter, each [rows, columns] or [rows]; their data are
    /// null on a plan. Valid until the next call.
    virtual std::vector<In> find(const Parameter&) = 0;
    /// The same, but what is stored in blocks of this format comes as these: u8, [rows, bytes of a
    /// row].
    virtual std::vector<In> find_blocks(const Parameter& parameter, WeightFormat) {
        return find(parameter);
    }
    /// Whether matrices come as [columns, rows].
    virtual bool transposed(Part) const { return false; }
    /// Whether the channels that turn together by position are neighbours.
    virtual bool interleaved_rotary() const { return false; }
    /// Called when every parameter of the model was found.
    virtual void finish() {}
};

/// Numbers drawn from a seed by the model's published initialisation, the same on every machine and
/// for any number of threads.
class DrawnWeights : public WeightSource {
public:
    /// Model and context must outlive it.
    DrawnWeights(const ModelConfig&, std::int64_t seed, Context&);
    std::vector<In> find(const Parameter&) override;

private:
    void draw(const Parameter&);

    const ModelConfig& model_;
    std::uint64_t seed_;
    Context& context_;
    Tensor drawn_{};               ///< of the last parameter
    std::vector<float> quantiles_; ///< of the standard normal
};

/// The tensors of a checkpoint.
class FileWeights : public WeightSource {
public:
    /// All must outlive it. Throws Error(unsupported) for a quantised or wrapped model or an
    /// adapter.
    FileWeights(const ModelConfig&, const StoredTensors&, Context&);
    /// What is stored in blocks, or packed, comes as f32. Throws Error(file) that names the tensor:
    /// missing, of the wrong shape or of a type that is not read.
    std::vector<In> find(const Parameter& parameter) override {
        return find_blocks(parameter, WeightFormat::dense);
    }
    std::vector<In> find_blocks(const Parameter&, WeightFormat) override;
    bool transposed(Part part) const override { return transposed_in_files(model_.family, part); }
    bool interleaved_rotary() const override { return stored_.interleaved_rotary; }
    /// Throws Error(file) that names tensors that the model has no place for: it is another model.
    void finish() override;
    /// What became of linears that GPTQ or AWQ packed: "GPTQ of 8 bits in the file, computed as
    /// plain numbers"; "" where there are none.
    std::string packing_note() const;
    /// Throws Error(file) that names a tensor that should equal another, or follow from the model's
    /// settings, and does not. Reads these tensors.
    void check_copies() const;

private:
    /// The tensor of that name, or of the one it has in this file.
    std::pair<std::string, const StoredTensor*> stored(const std::string& name, bool bias);
    /// The same without counting it as used; null if there is none.
    const std::pair<const std::string, StoredTensor>* lookup(std::string name, bool bias) const;
    const std::byte* aligned(std::span<const std::byte>, std::size_t element_bytes);
    In decoded(const StoredTensor&, const Shape&);
    In unpacked(const PackedTensors&, const Shape&);
    In as_blocks(const PackedTensors&, WeightFormat, const Shape&);
    std::string in_this_file(std::string name) const;
    void forget();

    const ModelConfig& model_;
    const StoredTensors& stored_;
    Context& context_;
    std::string prefix_; ///< that this file leaves out of its names; "" if it does not
    std::set<std::string> used_{};
    std::vector<const StoredTensor*> last_{};     ///< what the last call gave
    std::vector<std::vector<std::byte>> moved_{}; ///< of these what lies unaligned in its file
    std::vector<Tensor> decoded_{};               ///< of these what lies there in blocks
    bool kept_ = false, unpacked_ = false; ///< some packed linears were: as blocks, as numbers
};

} // namespace sweetspot
