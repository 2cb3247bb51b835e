/* hidden.c - see hidden.h. */
#include "hidden.h"

#include "bases.h"
#include "sidetable.h"

#include <stdlib.h>

/* ---- the hidden class -------------------------------------------------------------------- */

static void hidden_dealloc(PyObject *self);

int
mp_hidden_is_one(PyTypeObject *type)
{
    return type->tp_dealloc == hidden_dealloc;
}

/* The hidden class in the layout of a class, NULL if there is none. Borrowed. */
static PyTypeObject *
hidden_of(PyTypeObject *type_b)
{
    while (type_b != NULL && !mp_hidden_is_one(type_b)) {
        type_b = type_b->tp_base;
    }
    return type_b;
}

int
mp_hidden_is_below(PyTypeObject *type)
{
    return hidden_of(type) != NULL;
}

/* What CPython gives to a class of Python (subtype_dealloc, subtype_traverse, subtype_clear in
 * Objects/typeobject.c). Each looks for the nearest base that has another one, and goes on with that. */
static struct {
    destructor dealloc;
    traverseproc traverse;
    inquiry clear;
} of_python;

static int
learn_of_python(void)
{
    int ret = MP_ERROR;
    /* Owned. */
    PyTypeObject *sample = NULL;

    if (of_python.dealloc == NULL) {
        sample = (PyTypeObject *)PyObject_CallFunction((PyObject *)&PyType_Type, "s(){}", "Sample");
        if (sample == NULL) {
            goto done;
        }
        of_python.traverse = sample->tp_traverse;
        of_python.clear = sample->tp_clear;
        of_python.dealloc = sample->tp_dealloc;
    }
    ret = MP_OK;
done:
    Py_XDECREF(sample);
    return ret;
}

/* True for a class that is laid out by CPython alone: one of Python, or like one. The collector knows
 * the instances of all of them, even of those that have nothing (type_new_alloc). */
static int
is_of_python(PyTypeObject *type_b)
{
    return type_b->tp_dealloc == of_python.dealloc && type_b->tp_traverse == of_python.traverse;
}

/* Go on as CPython would have gone on: the nearest base that does it in its own way. A class in C that is
 * freed like one of Python (typing.Generic since 3.12) has been dealt with by then, for it has nothing;
 * see check_storage. All borrowed. */
static PyTypeObject *
dealloc_base(PyTypeObject *hidden_b)
{
    PyTypeObject *base_b = hidden_b->tp_base;

    while (base_b->tp_dealloc == of_python.dealloc) {
        base_b = base_b->tp_base;
    }
    return base_b;
}

/* An instance and its class: it owns one reference to it, and whoever is the heap type that CPython comes
 * across first shows and drops that one. So do we, unless the base is a heap type itself. */
static int
hidden_traverse(PyObject *self, visitproc visit, void *arg)
{
    /* Borrowed. */
    PyTypeObject *base_b = hidden_of(Py_TYPE(self))->tp_base;
    int ret = mp_sidetable_visit(self, visit, arg);

    if (ret != 0) {
        goto done;
    }
    if (base_b->tp_traverse == NULL || !PyType_HasFeature(base_b, Py_TPFLAGS_HEAPTYPE)) {
        ret = visit((PyObject *)Py_TYPE(self), arg);
    }
    if (ret == 0 && base_b->tp_traverse != NULL) {
        ret = base_b->tp_traverse(self, visit, arg);
    }
done:
    return ret;
}

static int
hidden_clear(PyObject *self)
{
    /* Borrowed. */
    PyTypeObject *base_b = hidden_of(Py_TYPE(self))->tp_base;

    mp_sidetable_drop(mp_sidetable_take(self, NULL));
    return base_b->tp_clear == NULL || base_b->tp_clear == of_python.clear ? 0 : base_b->tp_clear(self);
}

/* Called for what has no reference left and was finalized; weak references are gone. */
static void
hidden_dealloc(PyObject *self)
{
    mp_side_entry *entries = mp_sidetable_take(self, NULL);
    /* Borrowed, but for the reference that the instance has to its class. */
    PyTypeObject *type_b = Py_TYPE(self), *hidden_b = hidden_of(type_b);
    PyTypeObject *base_b = dealloc_base(hidden_b);
    int owns_type = !PyType_HasFeature(base_b, Py_TPFLAGS_HEAPTYPE);

    if (entries != NULL) {
        /* A finalizer may start a collection, which must not find it; but the base may count on its
         * being tracked, as it is here (Objects/typeobject.c, the questions below subtype_dealloc). */
        int is_tracked = PyObject_GC_IsTracked(self);
        if (is_tracked) {
            PyObject_GC_UnTrack(self);
        }
        mp_sidetable_drop(entries);
        if (is_tracked) {
            PyObject_GC_Track(self);
        }
    }
    base_b->tp_dealloc(self);
    if (owns_type) {
        Py_DECREF(type_b);
    }
}

/* The hidden classes, one for each class that has been found below those of Python. They stay. */
typedef struct hidden_type {
    struct hidden_type *next;
    PyTypeObject *type; /* Owned. */
} hidden_type;

static struct {
    hidden_type *first;
    mp_spin lock; /* under the same rules as that of the side table */
} hidden_types;

/* The hidden class above a base; NULL if there is none yet. Borrowed. */
static PyTypeObject *
known_hidden(PyTypeObject *base_b)
{
    for (hidden_type *hidden_b = hidden_types.first; hidden_b != NULL; hidden_b = hidden_b->next) {
        if (hidden_b->type->tp_base == base_b) {
            return hidden_b->type;
        }
    }
    return NULL;
}

/* Make one. It looks like its base in all that class creation, `__new__` and assignments to `__class__`
 * look at; but since it is freed in its own way, no instance can leave it by such an assignment
 * (compatible_with_tp_base, Objects/typeobject.c). A heap type, for then CPython leaves the reference to
 * the class of an instance to it. New reference. */
static PyTypeObject *
hidden_new(PyTypeObject *base_b)
{
    PyType_Slot slots[] = {
        {Py_tp_dealloc, (void *)hidden_dealloc},
        {Py_tp_traverse, (void *)hidden_traverse},
        {Py_tp_clear, (void *)hidden_clear},
        {Py_tp_doc, "Looks after slots that were added while instances were alive."},
        {0, NULL},
    };
    PyType_Spec spec = {
        .name = "mighty_patcher._core.SideSlots",
        .flags = (unsigned int)(Py_TPFLAGS_DEFAULT |
                                (base_b->tp_flags & (Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE))),
        .slots = slots,
    };
    /* Owned. */
    PyObject *bases = PyTuple_Pack(1, base_b), *type = NULL;

    if (bases != NULL) {
        type = PyType_FromSpecWithBases(&spec, bases);
    }
    Py_XDECREF(bases);
    return (PyTypeObject *)type;
}

/* The hidden class above a base, made if need be. Borrowed, NULL on error. */
static PyTypeObject *
hidden_above(PyTypeObject *base_b)
{
    /* Owned. */
    hidden_type *made = NULL;
    /* Borrowed. */
    PyTypeObject *hidden_b = NULL;

    mp_spin_lock(&hidden_types.lock);
    hidden_b = known_hidden(base_b);
    mp_spin_unlock(&hidden_types.lock);
    if (hidden_b != NULL) {
        goto done;
    }
    made = malloc(sizeof(*made));
    if (made == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    made->type = hidden_new(base_b);
    if (made->type == NULL) {
        free(made);
        goto done;
    }
    mp_spin_lock(&hidden_types.lock);
    hidden_b = known_hidden(base_b); /* another thread may have been faster */
    if (hidden_b == NULL) {
        hidden_b = made->type;
        made->next = hidden_types.first;
        hidden_types.first = made;
        made = NULL;
    }
    mp_spin_unlock(&hidden_types.lock);
    if (made != NULL) {
        Py_DECREF(made->type);
        free(made);
    }
done:
    return hidden_b;
}

/* ---- preparing a class ------------------------------------------------------------------- */

/* Raise TypeError if nothing can be put between the classes of Python and this base. */
static int
check_storage(PyTypeObject *type_b, PyTypeObject *base_b)
{
    int ret = MP_ERROR;

    if (PyType_HasFeature(base_b, Py_TPFLAGS_TYPE_SUBCLASS) || !Py_IS_TYPE(base_b, &PyType_Type)) {
        PyErr_Format(PyExc_TypeError,
                     "'%.100s' cannot gain slots while instances are alive: '%.100s' has or is a metaclass",
                     type_b->tp_name, base_b->tp_name);
        goto done;
    }
    if (base_b->tp_traverse != NULL && base_b->tp_traverse == of_python.traverse) {
        PyErr_Format(PyExc_TypeError,
                     "'%.100s' cannot gain slots while instances are alive: '%.100s' is written in C "
                     "and derives from Python",
                     type_b->tp_name, base_b->tp_name);
        goto done;
    }
    /* CPython frees what these have together with what the classes of Python have, and would stop at
     * the hidden class. */
    for (; base_b->tp_dealloc == of_python.dealloc; base_b = base_b->tp_base) {
        if (Py_SIZE(base_b) != 0 || base_b->tp_dictoffset != base_b->tp_base->tp_dictoffset ||
            base_b->tp_weaklistoffset != base_b->tp_base->tp_weaklistoffset) {
            PyErr_Format(PyExc_TypeError,
                         "'%.100s' cannot gain slots while instances are alive: '%.100s' is written "
                         "in C and stores Python objects",
                         type_b->tp_name, base_b->tp_name);
            goto done;
        }
    }
    ret = MP_OK;
done:
    return ret;
}

int
mp_hidden_ensure(PyTypeObject *type)
{
    int ret = MP_ERROR;
    /* Borrowed. */
    PyTypeObject *last_b = type, *hidden_b = NULL;
    /* Owned. */
    PyTypeObject *replaced = NULL;

    if (learn_of_python() < 0) {
        goto done;
    }
    if (!is_of_python(type)) {
        PyErr_Format(PyExc_TypeError, "'%.100s' cannot gain slots: it is written in C", type->tp_name);
        goto done;
    }
    if (mp_hidden_is_below(type)) {
        ret = MP_OK;
        goto done;
    }
    while (is_of_python(last_b->tp_base)) {
        last_b = last_b->tp_base;
    }
    if (check_storage(type, last_b->tp_base) < 0) {
        goto done;
    }
    hidden_b = hidden_above(last_b->tp_base);
    if (hidden_b == NULL) {
        goto done;
    }
    mp_stop_the_world();
    if (last_b->tp_base == hidden_b->tp_base) { /* else another thread was faster */
        replaced = last_b->tp_base;
        last_b->tp_base = (PyTypeObject *)Py_NewRef(hidden_b);
    }
    mp_start_the_world();
    Py_XDECREF(replaced);
    ret = MP_OK;
done:
    return ret;
}

static int
ensure_one(PyTypeObject *type, void *Py_UNUSED(context))
{
    return mp_hidden_ensure(type) < 0 ? MP_ERROR : 1;
}

int
mp_hidden_ensure_all(PyTypeObject *type)
{
    return mp_bases_visit(type, ensure_one, NULL);
}
