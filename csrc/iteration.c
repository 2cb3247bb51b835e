/* iteration.c - see iteration.h. */
#include "iteration.h"
#include "heap.h"

typedef struct {
    const mp_addresses *targets_b;
    const mp_iteration_exchange *how_b;
    const char *obstacle;
    int has_begun, is_exchanged;
} iteration_pass;

static int
is_iterator(PyObject *object_b)
{
    PyTypeObject *type_b = Py_TYPE(object_b);

    return type_b == &PyDictIterKey_Type || type_b == &PyDictIterValue_Type ||
           type_b == &PyDictIterItem_Type || type_b == &PyDictRevIterKey_Type ||
           type_b == &PyDictRevIterValue_Type || type_b == &PyDictRevIterItem_Type ||
           type_b == &PySetIter_Type;
}

/* Exchange, or take that back. */
static void
exchange(iteration_pass *pass_b)
{
    pass_b->how_b->exchange(pass_b->how_b->arg);
    pass_b->is_exchanged = !pass_b->is_exchanged;
}

static void
begin(iteration_pass *pass_b)
{
    pass_b->has_begun = 1;
    pass_b->obstacle = pass_b->how_b->obstacle(pass_b->how_b->arg);
    if (pass_b->obstacle == NULL) {
        exchange(pass_b);
    }
}

/* An mp_heap_question, which finds nothing. */
static int
look(PyObject *object_b, void *arg)
{
    iteration_pass *pass_b = arg;

    if (MP_FREE_THREADED && !pass_b->has_begun) {
        begin(pass_b);
    }
    if (pass_b->obstacle == NULL && is_iterator(object_b) &&
        mp_refers_to(object_b, pass_b->targets_b)) {
        pass_b->obstacle = "somebody goes through what would have another size";
        if (pass_b->is_exchanged) {
            exchange(pass_b);
        }
    }
    return 0;
}

int
mp_exchange_unless_iterated(mp_addresses *targets, const mp_iteration_exchange *how)
{
    int ret = MP_ERROR;
    iteration_pass pass = {.targets_b = targets, .how_b = how};
    mp_objects found = {0};

    mp_addresses_sort(targets);
    if (mp_heap_find(look, &pass, &found) < 0) {
        goto done;
    }
    if (!pass.has_begun && pass.obstacle == NULL) {
        begin(&pass);
    }
    if (pass.obstacle != NULL) {
        PyErr_SetString(PyExc_RuntimeError, pass.obstacle);
        goto done;
    }
    ret = MP_OK;
done:
    mp_objects_drop(&found);
    return ret;
}
