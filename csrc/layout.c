/* layout.c - see layout.h. */
#include "layout.h"

#include "hidden.h"

/* ---- what a class stores ----------------------------------------------------------------- */

/* PyType_FromSpec keeps the name in a buffer of its own (Objects/typeobject.c, _ht_tpname), and everything
 * else is static. */
int
mp_layout_is_of_python(PyTypeObject *type_b)
{
    return PyType_HasFeature(type_b, Py_TPFLAGS_HEAPTYPE) &&
           ((PyHeapTypeObject *)type_b)->_ht_tpname == NULL;
}

PyTypeObject *
mp_layout_in_c(PyTypeObject *type_b)
{
    while (mp_layout_is_of_python(type_b)) {
        type_b = type_b->tp_base;
    }
    return type_b;
}

int
mp_layout_has_same_sizes(PyTypeObject *left_b, PyTypeObject *right_b)
{
    return left_b->tp_basicsize == right_b->tp_basicsize &&
           left_b->tp_itemsize == right_b->tp_itemsize &&
           left_b->tp_dictoffset == right_b->tp_dictoffset &&
           left_b->tp_weaklistoffset == right_b->tp_weaklistoffset &&
           (left_b->tp_flags & Py_TPFLAGS_HAVE_GC) == (right_b->tp_flags & Py_TPFLAGS_HAVE_GC);
}

/* True for a class in C that stores nothing: one like Generic, with no more room than object has, or one
 * whose instances are freed like those of its base, or as `dealloc` does it, as all classes of Python do. */
static int
is_stateless(PyTypeObject *type_b, destructor dealloc)
{
    PyTypeObject *base_b = type_b->tp_base;

    return type_b->tp_basicsize == base_b->tp_basicsize &&
           type_b->tp_itemsize == base_b->tp_itemsize &&
           type_b->tp_dictoffset == base_b->tp_dictoffset &&
           type_b->tp_weaklistoffset == base_b->tp_weaklistoffset &&
           (base_b == &PyBaseObject_Type || type_b->tp_dealloc == base_b->tp_dealloc ||
            type_b->tp_dealloc == dealloc);
}

PyTypeObject *
mp_layout_storage(PyTypeObject *type_b)
{
    destructor dealloc = type_b->tp_dealloc;

    while (type_b->tp_base != NULL && (mp_layout_is_of_python(type_b) || mp_hidden_is_one(type_b) ||
                                       is_stateless(type_b, dealloc))) {
        type_b = type_b->tp_base;
    }
    return type_b;
}

/* The same for a class that may be one in C. Borrowed. */
static PyTypeObject *
storage_below(PyTypeObject *type_b, PyTypeObject *python_class_b)
{
    while (type_b->tp_base != NULL && !mp_layout_is_of_python(type_b) &&
           (mp_hidden_is_one(type_b) || is_stateless(type_b, python_class_b->tp_dealloc))) {
        type_b = type_b->tp_base;
    }
    return mp_layout_is_of_python(type_b) ? mp_layout_storage(type_b) : type_b;
}

/* True if what two types store is the same: ValueError and KeyError are Exception with other names. */
static int
is_same_storage(PyTypeObject *left_b, PyTypeObject *right_b)
{
    return left_b == right_b ||
           (mp_layout_has_same_sizes(left_b, right_b) && left_b->tp_dealloc == right_b->tp_dealloc &&
            left_b->tp_traverse == right_b->tp_traverse && left_b->tp_clear == right_b->tp_clear &&
            left_b->tp_alloc == right_b->tp_alloc && left_b->tp_free == right_b->tp_free);
}

/* ---- slots in instances ------------------------------------------------------------------ */

/* The slots of a class of Python that are stored in its instances; `count` of them. Borrowed. */
static PyMemberDef *
members_of(PyTypeObject *type_b, Py_ssize_t *count)
{
    *count = Py_SIZE(type_b); /* PyHeapType_GET_MEMBERS, Include/internal */
    return (PyMemberDef *)((char *)type_b + Py_TYPE(type_b)->tp_basicsize);
}

/* The nearest class from `type_b` on, along the layout, that has slots of its own; NULL if none has.
 * Borrowed. */
static PyTypeObject *
next_with_slots(PyTypeObject *type_b)
{
    while (type_b != NULL && (!mp_layout_is_of_python(type_b) || Py_SIZE(type_b) == 0)) {
        type_b = type_b->tp_base;
    }
    return type_b;
}

/* True if two classes have slots of the same names in the same places. */
static int
has_same_slots(PyTypeObject *left_b, PyTypeObject *right_b)
{
    Py_ssize_t count, other_count;
    PyMemberDef *members_b = members_of(left_b, &count);
    PyMemberDef *others_b = members_of(right_b, &other_count);

    if (count != other_count) {
        return 0;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        if (members_b[i].offset != others_b[i].offset ||
            strcmp(members_b[i].name, others_b[i].name) != 0) {
            return 0;
        }
    }
    return 1;
}

/* True if two bases bring the same slots in the same places. */
static int
brings_same_slots(PyTypeObject *left_b, PyTypeObject *right_b)
{
    left_b = next_with_slots(left_b);
    right_b = next_with_slots(right_b);
    while (left_b != NULL && right_b != NULL && left_b != right_b) {
        if (!has_same_slots(left_b, right_b)) {
            return 0;
        }
        left_b = next_with_slots(left_b->tp_base);
        right_b = next_with_slots(right_b->tp_base);
    }
    return left_b == right_b;
}

/* ---- differences ------------------------------------------------------------------------- */

const char *
mp_layout_base_difference(PyTypeObject *target, PyTypeObject *base_b)
{
    if (!is_same_storage(mp_layout_storage(target), storage_below(base_b, target)) ||
        target->tp_itemsize != base_b->tp_itemsize) {
        return "its instances would be stored in another way, for it has another built-in base";
    }
    if (!brings_same_slots(target->tp_base, base_b)) {
        return "its instances would inherit other slots";
    }
    if (base_b->tp_dictoffset != 0 && target->tp_dictoffset == 0) {
        return "its instances would gain a __dict__";
    }
    if (base_b->tp_weaklistoffset != 0 && target->tp_weaklistoffset == 0) {
        return "its instances would gain a __weakref__";
    }
    if (base_b->tp_basicsize > target->tp_basicsize ||
        (base_b->tp_flags & ~target->tp_flags & (MP_TYPE_MANAGED_FLAGS | Py_TPFLAGS_HAVE_GC))) {
        return "its instances would keep their attributes in another way";
    }
    return NULL;
}

const char *
mp_layout_difference(PyTypeObject *target, PyTypeObject *donor)
{
    const char *difference = NULL;

    if (target == donor) {
        goto done;
    }
    if (!mp_layout_is_of_python(target) || !mp_layout_is_of_python(donor)) {
        difference = "it is written in C";
        goto done;
    }
    difference = mp_layout_base_difference(target, donor->tp_base);
    if (difference != NULL) {
        goto done;
    }
    /* What it loses, the instances go on having. */
    if (donor->tp_dictoffset != 0 && target->tp_dictoffset == 0) {
        difference = "its instances would gain a __dict__";
    }
    else if (donor->tp_weaklistoffset != 0 && target->tp_weaklistoffset == 0) {
        difference = "its instances would gain a __weakref__";
    }
done:
    return difference;
}

/* The class along the layout from which on nothing is added (Objects/typeobject.c, solid_base).
 * Borrowed. */
static PyTypeObject *
solid_base(PyTypeObject *type_b)
{
    PyTypeObject *base_b = type_b->tp_base == NULL ? &PyBaseObject_Type : solid_base(type_b->tp_base);

    return mp_type_extends(type_b, base_b) ? type_b : base_b;
}

/* As CPython does it (Objects/typeobject.c, best_base). */
PyTypeObject *
mp_layout_best_base(PyObject *bases_b)
{
    PyTypeObject *best_b = (PyTypeObject *)PyTuple_GET_ITEM(bases_b, 0);
    PyTypeObject *most_b = solid_base(best_b);

    for (Py_ssize_t i = 1; i < PyTuple_GET_SIZE(bases_b); i++) {
        PyTypeObject *base_b = (PyTypeObject *)PyTuple_GET_ITEM(bases_b, i);
        PyTypeObject *solid_b = solid_base(base_b);
        if (PyType_IsSubtype(most_b, solid_b)) {
            continue;
        }
        if (!PyType_IsSubtype(solid_b, most_b)) {
            return NULL;
        }
        best_b = base_b;
        most_b = solid_b;
    }
    return best_b;
}
