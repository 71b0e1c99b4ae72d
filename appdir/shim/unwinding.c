/* _dl_find_object, __libc_single_threaded: the C++ runtime of gcc 14 uses them from glibc. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 0: the process has several threads, so libstdc++ must use atomic instructions. */
char __libc_single_threaded = 0;

struct search {
    uintptr_t address;
    struct dl_find_object *result;
};

static int look(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)size;
    const struct search *search = data;
    uintptr_t start = UINTPTR_MAX;
    uintptr_t end = 0;
    void *eh_frame = NULL;
    bool is_inside = false;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        uintptr_t from = info->dlpi_addr + header->p_vaddr;
        uintptr_t to = from + header->p_memsz;
        if (header->p_type == PT_GNU_EH_FRAME)
            eh_frame = (void *)from;
        if (header->p_type != PT_LOAD)
            continue;
        if (from < start)
            start = from;
        if (to > end)
            end = to;
        if (search->address >= from && search->address < to)
            is_inside = true;
    }
    if (!is_inside)
        return 0;
    *search->result = (struct dl_find_object){
        .dlfo_map_start = (void *)start,
        .dlfo_map_end = (void *)end,
        .dlfo_eh_frame = eh_frame,
    };
    return 1;
}

/* Finds the loaded object that contains an address of code; returns 0, or -1 where there is none. libgcc's
 * unwinder uses no other function for this: without it every C++ exception would end the process. The link_map
 * stays NULL, because musl does not expose it and libgcc does not read it. */
int _dl_find_object(void *address, struct dl_find_object *result)
{
    struct search search = {(uintptr_t)address, result};
    return dl_iterate_phdr(look, &search) == 1 ? 0 : -1;
}
