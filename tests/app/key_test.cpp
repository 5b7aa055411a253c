#include "app/experiment/key.h"
#include "app/experiment/lines.h"
#include "tests/random_config.h"
#include "tests/suite.h"
#include <QTest>

using namespace sweetspot;

namespace {

RunConfig with(const std::map<std::string, std::string>& fields) {
    RunConfig config;
    for (const auto& [name, text] : fields)
        if (!set_field(config, name, text)) qFatal("%s", name.c_str());
    return config;
}

} // namespace

class KeyTest : public QObject {
    Q_OBJECT

private slots:
    // Keys in databases of earlier versions. Whatever becomes a field later, these stay: a run that
    // does not use it is the same run.
    void keys_of_earlier_versions_stay() {
        QCOMPARE(hash_of(RunConfig{}), "e3b0c44298fc1c14");
        QCOMPARE(hash_of(with({{"batch", "4"}, {"precision", "bf16"}, {"sequence", "512"}})),
                 "46db8c94b98863d8");
        QCOMPARE(hash_of(with({{"model", "llama-110m"},
                               {"task", "generate"},
                               {"prompt", "Once upon a time"},
                               {"temperature", "0.7"},
                               {"noise", "0.02"},
                               {"trace", "false"}})),
                 "31860c9d9b9a4f52");
    }

    // What a key leaves out. A default that changed would give old runs of another kind the same
    // key; it must not change.
    void defaults_are_those_that_keys_have_always_left_out() {
        const std::map<std::string, std::string> frozen{
            {"model", "esm2-8m"},
            {"weights", "auto"},
            {"seed", "1"},
            {"task", "forward"},
            {"device", "cpu"},
            {"plan_for", "cpu"},
            {"memory_model", "ledger"},
            {"gpu", "0"},
            {"threads", "0"},
            {"memory_limit_bytes", "0"},
            {"allow_oversubscription", "false"},
            {"dropout", "0"},
            {"as_published", "none"},
            {"batch", "1"},
            {"sequence", "128"},
            {"token_budget", "0"},
            {"batches", "1"},
            {"lengths", "fixed"},
            {"data", "random"},
            {"column", "sequence"},
            {"tokenizer", "auto"},
            {"unknown_letters", "unk"},
            {"attention", "flash"},
            {"layout", "padded"},
            {"precision", "f32"},
            {"weight_format", "dense"},
            {"activation_format", "precision"},
            {"kv_cache_format", "precision"},
            {"fusion", "epilogues"},
            {"launch", "eager"},
            {"weight_memory", "device"},
            {"weight_budget_bytes", "0"},
            {"prefetch", "none"},
            {"prefetch_depth", "2"},
            {"prefetch_streams", "2"},
            {"memory_advice", "none"},
            {"prune", "none"},
            {"prune_pattern", "unstructured"},
            {"prune_scope", "layer"},
            {"sparsity", "0.5"},
            {"prune_steps", "0"},
            {"prune_every", "10"},
            {"prune_data", ""},
            {"prune_windows", "128"},
            {"prune_window", "256"},
            {"quality", "none"},
            {"quality_data", ""},
            {"quality_window", "256"},
            {"reference", ""},
            {"target", "target"},
            {"target_kind", "automatic"},
            {"split_column", "set"},
            {"validation_column", "validation"},
            {"test_share", "0.2"},
            {"pooling", "mean"},
            {"probe_head", "ridge"},
            {"head_width", "64"},
            {"head_epochs", "100"},
            {"mask_fraction", "0.15"},
            {"masking", "exact"},
            {"pseudo_perplexity", "false"},
            {"max_tokens", "0"},
            {"prompt", ""},
            {"new_tokens", "64"},
            {"temperature", "0"},
            {"top_p", "1"},
            {"rounds", "3"},
            {"warmup", "2"},
            {"repeats", "10"},
            {"max_repeats", "50"},
            {"noise", "0.01"},
            {"min_seconds", "0.5"},
            {"timeout_seconds", "600"},
            {"load_timeout_seconds", "0"},
            {"trace", "true"},
            {"steps", "100"},
            {"train_seconds", "0"},
            {"optimizer", "adamw"},
            {"learning_rate", "3e-04"},
            {"schedule", "constant"},
            {"warmup_steps", "0"},
            {"final_rate", "0"},
            {"beta1", "0.9"},
            {"beta2", "0.999"},
            {"epsilon", "1e-08"},
            {"momentum", "0"},
            {"weight_decay", "0.01"},
            {"decay", "matrices"},
            {"clip", "1"},
            {"accumulation", "1"},
            {"recompute", "none"},
            {"master_weights", "true"},
            {"learn", "tokens"},
            {"loss_scale", "65536"},
            {"loss_scale_steps", "2000"},
            {"offload_optimizer", "false"},
            {"offload_gradients", "false"},
            {"offload_activations", "false"},
            {"validation", "0"},
            {"validation_steps", "50"},
            {"save", ""},
            {"train_tokens", "0"},
            {"patience", "0"},
            {"lora_rank", "0"},
            {"lora_alpha", "8"},
            {"lora_dropout", "0"},
            {"lora_targets", "all-linear"},
            {"lora_rslora", "false"},
            {"adapter", ""},
            {"save_merged", "false"},
            {"checkpoint", ""},
            {"checkpoint_steps", "100"},
            {"checkpoint_keep", "2"},
        };
        RunConfig usual;
        each_field(usual, [&](const Field& field, auto& value) {
            const auto found = frozen.find(std::string(field.name));
            QVERIFY2(found != frozen.end(), std::string(field.name).c_str());
            QCOMPARE(to_text(value), found->second);
        });
    }

    void a_key_names_what_applies_and_is_not_as_usual() {
        QCOMPARE(point_text(RunConfig{}), "");
        QCOMPARE(point_text(with({{"sequence", "64"}, {"attention", "naive"}, {"batch", "1"}})),
                 "attention=5:naive\nsequence=2:64\n");
        QCOMPARE(point_text(with({{"temperature", "0.5"}, {"prompt", "a"}})), "");
        QCOMPARE(point_text(with({{"temperature", "0.5"}, {"task", "generate"}})),
                 "task=8:generate\ntemperature=3:0.5\n");
    }

    void contents_stand_for_the_spelling_of_paths() {
        const Contents contents{{"data", "sha256:1"}, {"weights", "sha256:2"}};
        const auto here = with({{"data", "/here/a.fasta"}, {"weights", "/here/w"}});
        const auto there = with({{"data", "there.fasta"}, {"weights", "w"}});
        QCOMPARE(point_text(here, contents), "data=8:sha256:1\nweights=8:sha256:2\n");
        QCOMPARE(hash_of(here, contents), hash_of(there, contents));
        QVERIFY(hash_of(here, contents) != hash_of(here, {{"data", "sha256:3"}}));
        QVERIFY(hash_of(here) != hash_of(there));
        // Data that are not read have no part in it.
        QCOMPARE(point_text(with({{"task", "generate"}, {"prompt", "a"}}), {{"data", "sha256:1"}}),
                 "prompt=1:a\ntask=8:generate\n");
    }

    void a_key_is_16_digits_and_survives_the_wire() {
        RandomConfigs configs(1);
        for (int i = 0; i < 100; ++i) {
            RunConfig config = configs.next();
            config.new_tokens = config.quality_window = 3, config.top_p = 0.5, config.noise = 0.5,
            config.mask_fraction = 1, config.sparsity = 0.5, config.prune_window = 16;
            config.learning_rate = config.epsilon = config.lora_alpha = 0.5;
            config.test_share = 0.5, config.loss_scale = 2;
            const auto hash = hash_of(config);
            QCOMPARE(hash.size(), 16u);
            QCOMPARE(hash.find_first_not_of("0123456789abcdef"), std::string::npos);
            QCOMPARE(hash_of(config_from_json_line(to_json_line(config))), hash);
        }
    }

    void each_field_changes_the_key_where_it_applies_and_nowhere_else() {
        RandomConfigs configs(2);
        std::map<std::string, int> applied;
        for (int i = 0; i < 2000; ++i) {
            const RunConfig config = configs.next();
            each_run_field([&](const Field& field, auto) {
                const RunConfig other = configs.other(config, field.name);
                const bool kept = field.scope.elsewhere == Scope::Elsewhere::refused;
                const bool applies = field.scope.applies(config) && field.scope.applies(other);
                const std::string name(field.name);
                if (applies || kept) {
                    ++applied[name];
                    QVERIFY2(hash_of(config) != hash_of(other), name.c_str());
                } else if (!field.scope.applies(config) && !field.scope.applies(other)) {
                    QVERIFY2(hash_of(config) == hash_of(other), name.c_str());
                }
            });
        }
        each_run_field([&](const Field& field, auto) {
            const std::string name(field.name);
            QVERIFY2(applied[name] > 0, name.c_str());
        });
    }

    void a_canonical_configuration_stays_as_it_is() {
        RandomConfigs configs(3);
        for (int i = 0; i < 5000; ++i) {
            const RunConfig once = canonical(configs.next());
            QVERIFY(canonical(once) == once);
        }
    }
};

SWEETSPOT_TEST(KeyTest)
#include "key_test.moc"
