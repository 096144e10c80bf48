/* A stand-in for libnvidia-ml.so.1 that claims two GPUs and knows nothing else of them.
 *
 * It answers what torch asks when PYTORCH_NVML_BASED_CUDA_CHECK=1, and what the instrument needs to
 * tell GPUs apart. Whatever else is asked for by name is not there, as in an old driver. There is
 * no libcuda beside it: who asks CUDA's driver itself is told that there is none.
 */
#include <stdio.h>

enum { SUCCESS = 0, INVALID_ARGUMENT = 2, INSUFFICIENT_SIZE = 7, NUM_DEVICES = 2 };

static int devices[NUM_DEVICES] = {0, 1};

int nvmlInit(void) { return SUCCESS; }
int nvmlInit_v2(void) { return SUCCESS; }
int nvmlInitWithFlags(unsigned int flags) { (void)flags; return SUCCESS; }
int nvmlShutdown(void) { return SUCCESS; }
const char *nvmlErrorString(int code) { (void)code; return "a stub without a GPU"; }

int nvmlDeviceGetCount_v2(unsigned int *count) {
    *count = NUM_DEVICES;
    return SUCCESS;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned int index, int **device) {
    if (index >= NUM_DEVICES) return INVALID_ARGUMENT;
    *device = &devices[index];
    return SUCCESS;
}

static int write_text(char *text, unsigned int length, const char *format, int number) {
    int needed = snprintf(text, length, format, number);
    return needed < (int)length ? SUCCESS : INSUFFICIENT_SIZE;
}

int nvmlDeviceGetUUID(int *device, char *uuid, unsigned int length) {
    return write_text(uuid, length, "GPU-00000000-0000-4000-8000-00000000000%d", *device);
}

int nvmlDeviceGetName(int *device, char *name, unsigned int length) {
    return write_text(name, length, "Stub %d", *device);
}

int nvmlSystemGetDriverVersion(char *version, unsigned int length) {
    return write_text(version, length, "580.%d", 0);
}

int nvmlSystemGetCudaDriverVersion(int *version) {
    *version = 13000;
    return SUCCESS;
}
