/* fields.c - see fields.h. */
#include "fields.h"

#include "containers.h"
#include "heap.h"

typedef struct {
    PyObject *donor_b, *target_b;
    size_t donors, targets;
} visits;

static int
count_visit(PyObject *object_b, void *arg)
{
    visits *counted = arg;

    counted->donors += object_b == counted->donor_b;
    counted->targets += object_b == counted->target_b;
    return 0;
}

static visits
count_visits(PyObject *holder_b, PyObject *donor_b, PyObject *target_b)
{
    visits counted = {.donor_b = donor_b, .target_b = target_b};

    Py_TYPE(holder_b)->tp_traverse(holder_b, count_visit, &counted);
    return counted;
}

/* True if one can stand where the other did, as far as code in C can tell. */
static int
is_alike(PyObject *holder_b, PyObject *donor_b, PyObject *target_b)
{
    if (PyDict_Check(donor_b) || PyTuple_Check(donor_b) || PyCode_Check(donor_b)) {
        return !PyFunction_Check(holder_b); /* whose parts belong together: see function.c */
    }
    return Py_TYPE(donor_b) == Py_TYPE(target_b) ||
           (PyType_Check(donor_b) && PyType_Check(target_b)) ||
           (!PyType_Check(donor_b) && !PyType_Check(target_b) &&
            ((PyCallable_Check(donor_b) && PyCallable_Check(target_b)) ||
             (PyType_HasFeature(Py_TYPE(donor_b), Py_TPFLAGS_HEAPTYPE) &&
              PyType_HasFeature(Py_TYPE(target_b), Py_TPFLAGS_HEAPTYPE))));
}

/* Where the fields begin that a container's own function has not dealt with; of a weak reference, which
 * belongs to one object and its callback, those that a derived class has. */
static size_t
first_field(PyObject *holder_b)
{
    PyTypeObject *known_b = PyODict_Check(holder_b)    ? &PyODict_Type
                            : PyDict_Check(holder_b)   ? &PyDict_Type
                            : PyList_Check(holder_b)   ? &PyList_Type
                            : PyTuple_Check(holder_b)  ? &PyTuple_Type
                            : PyAnySet_Check(holder_b) ? &PySet_Type
                            : PyWeakref_Check(holder_b) ? &_PyWeakref_RefType
                                                        : &PyBaseObject_Type;

    return (size_t)known_b->tp_basicsize;
}

/* Exchange the fields of an object. A word that happens to be the donor's address need not be a reference
 * that is owned (a context variable remembers the last value it had); but one that is owned the collector
 * must be shown, and so it is one if and only if what tp_traverse shows changes with it. Inside a window. */
static void
replace_fields(const mp_replacement *all, PyObject *holder_b)
{
    char *end = (char *)holder_b + Py_TYPE(holder_b)->tp_basicsize;

    for (char *at = (char *)holder_b + first_field(holder_b); at + sizeof(PyObject *) <= end;
         at += sizeof(PyObject *)) {
        PyObject **field_b = (PyObject **)at, *donor_b = *field_b;
        PyObject *target_b = donor_b == NULL ? NULL : mp_target_of(all, donor_b);
        if (target_b != NULL && is_alike(holder_b, donor_b, target_b)) {
            visits before = count_visits(holder_b, donor_b, target_b), after;
            *field_b = target_b;
            after = count_visits(holder_b, donor_b, target_b);
            if (after.donors + 1 == before.donors && after.targets == before.targets + 1) {
                Py_INCREF(target_b);
                Py_DECREF(donor_b);
            }
            else {
                *field_b = donor_b;
            }
        }
    }
}

/* The attributes of an instance: they may lie in the instance itself (gh-89503), and the dictionary that is
 * made here shows and changes them there or takes them over. */
static void
replace_attributes(const mp_replacement *all, PyObject *holder_b)
{
    /* Owned. */
    PyObject *attributes = PyObject_GenericGetDict(holder_b, NULL);

    if (attributes != NULL && PyDict_Check(attributes)) {
        mp_replace_in_dict(all, attributes);
    }
    PyErr_Clear();
    Py_XDECREF(attributes);
}

/* Give the instances of a donor the target, by CPython's own rules. */
void
mp_replace_class(const mp_replacement *all, PyObject *instance_b)
{
    /* Borrowed. */
    PyObject *target_b = mp_target_of(all, (PyObject *)Py_TYPE(instance_b)), *setter_b = NULL;
    /* Owned. */
    PyObject *name = NULL;

    if (target_b == NULL) {
        return;
    }
    name = PyUnicode_InternFromString("__class__");
    setter_b = name == NULL ? NULL : _PyType_Lookup(&PyBaseObject_Type, name);
    if (setter_b != NULL) {
        Py_TYPE(setter_b)->tp_descr_set(setter_b, instance_b, target_b);
    }
    PyErr_Clear();
    Py_XDECREF(name);
}

static int
still_refers(const mp_replacement *all, PyObject *holder_b)
{
    int refers = 0;

    mp_stop_the_world();
    refers = mp_refers_to(holder_b, &all->donors);
    mp_start_the_world();
    return refers;
}

void
mp_replace_in_fields(const mp_replacement *all, PyObject *holder_b)
{
    if (!PyModule_Check(holder_b) && still_refers(all, holder_b)) {
        mp_stop_the_world();
        replace_fields(all, holder_b);
        mp_start_the_world();
        if (PyType_HasFeature(Py_TYPE(holder_b), Py_TPFLAGS_HEAPTYPE) &&
            Py_TYPE(holder_b)->tp_dictoffset != 0 && still_refers(all, holder_b)) {
            replace_attributes(all, holder_b);
        }
    }
}
