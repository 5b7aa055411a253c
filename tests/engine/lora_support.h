#pragma once
#include "engine/config/catalogue.h"
#include "engine/weights/open_model.h"
#include "tests/engine/files.h"
#include "tests/engine/training_support.h"
#include <QtTest>
#include <cmath>
#include <cstring>
#include <set>

/// Trainings of adapters beside those that the scripts of tests/golden wrote down.
namespace sweetspot {

inline std::vector<float> floats_of(const StoredTensors& stored, const std::string& name) {
    const auto& bytes = stored.tensors.at(name).bytes;
    std::vector<float> y(bytes.size() / sizeof(float));
    std::memcpy(y.data(), bytes.data(), bytes.size());
    return y;
}

/// The golden adapters as a folder of peft's.
inline void write_golden_adapter(const std::string& folder, const std::string& model,
                                 const std::string& file_of_it = "lora.safetensors") {
    const StoredTensors golden = open_weights(golden::folder(model) + "/" + file_of_it);
    std::vector<TensorShape> shapes;
    for (const auto& [name, tensor] : golden.tensors)
        if (name.starts_with("base_model.")) shapes.push_back({name, tensor.shape});
    make_folder(folder);
    NewTensorFile file(folder + "/adapter_model.safetensors", shapes);
    for (const auto& shape : shapes) file.add(floats_of(golden, shape.name));
    file.commit();
    files::written(folder + "/adapter_config.json",
                   R"({"peft_type":"LORA","r":4,"lora_alpha":8,"target_modules":["x"],)"
                   R"("some_hint":null})");
}

inline RunConfig tiny_lora() {
    RunConfig run = tiny_run();
    run.model = run.weights = golden::folder("llama-tiny");
    run.lora_rank = 4;
    return run;
}

inline double norm_of(const std::vector<float>& x) {
    double sum = 0;
    for (const float v : x) sum += double(v) * double(v);
    return std::sqrt(sum);
}

inline void compare_gradients(const TrainedModel& trained, const StoredTensors& expected,
                              double limit) {
    std::set<std::string> seen;
    for (const Learned& learned : trained.learned()) {
        const std::string name = "gradient " + learned.name();
        QVERIFY2(expected.tensors.contains(name), name.c_str());
        seen.insert(name);
        const auto wanted = floats_of(expected, name);
        const float* found = learned.gradient->as<float>();
        double off = 0;
        for (std::size_t i = 0; i < wanted.size(); ++i)
            off += std::pow(double(found[i]) - double(wanted[i]), 2);
        QVERIFY2(std::sqrt(off) <= limit * norm_of(wanted) + (limit > 1e-3 ? 5e-3 : 1e-6),
                 qPrintable(QString("%1: off by %2 of %3")
                                .arg(name.c_str())
                                .arg(std::sqrt(off))
                                .arg(norm_of(wanted))));
    }
    for (const auto& [name, tensor] : expected.tensors)
        if (name.starts_with("gradient "))
            QVERIFY2(seen.contains(name), (name + " is not learned").c_str());
}

/// Twenty steps beside what a file of a golden model says of them: a file of make_lora.py, or one
/// like it.
inline void follow_golden_steps(const std::string& model, const std::string& file,
                                const Optimizations& optimizations, Recompute recompute) {
    const QTemporaryDir folder;
    RunConfig run;
    run.model = run.weights = golden::folder(model);
    run.task = Task::train;
    static_cast<Optimizations&>(run) = optimizations;
    run.layout = Layout::ragged;
    run.learning_rate = 1e-2, run.weight_decay = 0.01, run.clip = 1;
    run.recompute = recompute;
    run.adapter = folder.filePath("adapter").toStdString();
    write_golden_adapter(run.adapter, model, file);
    const StoredTensors expected = open_weights(golden::folder(model) + "/" + file);
    const Example example = golden_example(model, run.layout);
    HostAllocator allocator;
    Context context(CpuStream{.threads = 2}, allocator);
    TrainedModel trained(load_model_config(run.model), run, 70, context);
    const bool exact = run.precision == Precision::f32;
    const auto losses = floats_of(expected, "losses");
    QCOMPARE(losses.size(), std::size_t(20));
    for (int step = 0; step < 20; ++step) {
        const StepSettings settings{.step = step,
                                    .updates = step,
                                    .scored = example.count,
                                    .learning_rate = run.learning_rate};
        const double loss = trained.gradients_of({&example, 1}, settings);
        const double off = std::abs(loss - double(losses[std::size_t(step)]));
        QVERIFY2(off < (exact ? 1e-3 : 0.15),
                 qPrintable(QString("step %1: off by %2").arg(step).arg(off)));
        if (step == 0) compare_gradients(trained, expected, exact ? 2e-5 : 0.06);
        if (QTest::currentTestFailed()) return;
        trained.update(settings);
    }
}

} // namespace sweetspot
