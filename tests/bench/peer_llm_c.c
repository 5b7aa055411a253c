// A peer of the bench: a step of training GPT-2 124M by llm.c's program for CPUs, in f32. Weights are drawn, for its
// time does not depend on them. It is compiled with llm.c's own flags and its source (tests/bench/README.md):
//
//   peer_llm_c [batch [sequence]]    4 x 256 tokens, as many threads as OMP_NUM_THREADS says
//
// peer_protocol.py says what is read and written; a round "step" is forward, backward and AdamW.
#define _GNU_SOURCE
#define TESTING // without its main()
#include "train_gpt2.c"

static double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

// A checkpoint as llm.c reads them: a header of 256 integers, then all parameters.
static void write_checkpoint(const char* path) {
    const GPT2Config config = {.max_seq_len = 1024, .vocab_size = 50257, .padded_vocab_size = 50304,
                               .num_layers = 12, .num_heads = 12, .channels = 768};
    int header[256] = {20240326, 3, config.max_seq_len, config.vocab_size, config.num_layers, config.num_heads,
                       config.channels, config.padded_vocab_size};
    size_t sizes[NUM_PARAMETER_TENSORS], count = 0;
    fill_in_parameter_sizes(sizes, config);
    for (int i = 0; i < NUM_PARAMETER_TENSORS; i++) count += sizes[i];
    FILE* file = fopenCheck(path, "wb");
    fwrite(header, sizeof header, 1, file);
    for (size_t i = 0; i < count; i++) {
        const float value = 0.04f * ((float)rand() / (float)RAND_MAX - 0.5f);
        fwrite(&value, sizeof value, 1, file);
    }
    fcloseCheck(file);
}

static long peak_rss_bytes(void) {
    long kibibytes = 0;
    char line[256];
    FILE* status = fopenCheck("/proc/self/status", "r");
    while (fgets(line, sizeof line, status))
        if (sscanf(line, "VmHWM: %ld", &kibibytes) == 1) break;
    fcloseCheck(status);
    return 1024 * kibibytes;
}

int main(int count, char** arguments) {
    const int batch = count > 1 ? atoi(arguments[1]) : 4, sequence = count > 2 ? atoi(arguments[2]) : 256;
    char path[] = "/tmp/peer_llm_c-XXXXXX";
    if (mkstemp(path) < 0) return 1;
    write_checkpoint(path);
    GPT2 model;
    // What it prints while it reads is no line of the protocol.
    const int answers = dup(STDOUT_FILENO);
    dup2(STDERR_FILENO, STDOUT_FILENO);
    gpt2_build_from_checkpoint(&model, path);
    unlink(path);
    const int tokens = batch * sequence;
    int* ids = mallocCheck((size_t)(tokens + 1) * sizeof(int));
    for (int i = 0; i <= tokens; i++) ids[i] = rand() % 50257;

    int step = 0;
    char line[256];
    for (int warm_up = 2;; warm_up--) {
        if (warm_up == 0) dprintf(answers, "{\"ready\": true, \"measures\": [\"step\"], \"peer\": \"llm.c\"}\n");
        if (warm_up <= 0 && !fgets(line, sizeof line, stdin)) return 0;
        const double start = seconds_now();
        gpt2_forward(&model, ids, ids + 1, (size_t)batch, (size_t)sequence);
        gpt2_zero_grad(&model);
        gpt2_backward(&model);
        gpt2_update(&model, 1e-4f, 0.9f, 0.999f, 1e-8f, 0.0f, ++step);
        if (warm_up <= 0)
            dprintf(answers, "{\"measure\": \"step\", \"seconds\": %.9f, \"tokens\": %d, \"peak_rss_bytes\": %ld}\n",
                    seconds_now() - start, tokens, peak_rss_bytes());
    }
}
