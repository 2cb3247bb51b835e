/* type.c - see type.h. */
#include "type.h"

#include "hidden.h"

#define MP_TYPE_COLLECTION_FLAGS (Py_TPFLAGS_SEQUENCE | Py_TPFLAGS_MAPPING)
#define MP_TYPE_FLAGS (MP_TYPE_COLLECTION_FLAGS | Py_TPFLAGS_IS_ABSTRACT)

/* ---- layout ------------------------------------------------------------------------------ */

/* True for a class that a class statement made. PyType_FromSpec keeps the name in a buffer of its own
 * (Objects/typeobject.c, _ht_tpname), and everything else is static. */
static int
is_python_class(PyTypeObject *type_b)
{
    return PyType_HasFeature(type_b, Py_TPFLAGS_HEAPTYPE) &&
           ((PyHeapTypeObject *)type_b)->_ht_tpname == NULL;
}

/* The nearest class that is none of Python. Borrowed. */
static PyTypeObject *
written_in_c(PyTypeObject *type_b)
{
    while (is_python_class(type_b)) {
        type_b = type_b->tp_base;
    }
    return type_b;
}

static int
has_same_sizes(PyTypeObject *left_b, PyTypeObject *right_b)
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

/* The nearest base that is written in C and stores something: where two classes differ in it, so do
 * their instances. `type_b` is a class of Python. Borrowed. */
static PyTypeObject *
storage_of(PyTypeObject *type_b)
{
    destructor dealloc = type_b->tp_dealloc;

    while (type_b->tp_base != NULL && (is_python_class(type_b) || mp_hidden_is_one(type_b) ||
                                       is_stateless(type_b, dealloc))) {
        type_b = type_b->tp_base;
    }
    return type_b;
}

/* The same for a class that may be one in C. Borrowed. */
static PyTypeObject *
storage_below(PyTypeObject *type_b, PyTypeObject *python_class_b)
{
    while (type_b->tp_base != NULL && !is_python_class(type_b) &&
           (mp_hidden_is_one(type_b) || is_stateless(type_b, python_class_b->tp_dealloc))) {
        type_b = type_b->tp_base;
    }
    return is_python_class(type_b) ? storage_of(type_b) : type_b;
}

/* True if what two types store is the same: ValueError and KeyError are Exception with other names. */
static int
is_same_storage(PyTypeObject *left_b, PyTypeObject *right_b)
{
    return left_b == right_b ||
           (has_same_sizes(left_b, right_b) && left_b->tp_dealloc == right_b->tp_dealloc &&
            left_b->tp_traverse == right_b->tp_traverse && left_b->tp_clear == right_b->tp_clear &&
            left_b->tp_alloc == right_b->tp_alloc && left_b->tp_free == right_b->tp_free);
}

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
    while (type_b != NULL && (!is_python_class(type_b) || Py_SIZE(type_b) == 0)) {
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

/* As mp_type_layout_difference, for another base of `target`. */
static const char *
base_difference(PyTypeObject *target, PyTypeObject *base_b)
{
    if (!is_same_storage(storage_of(target), storage_below(base_b, target)) ||
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
mp_type_layout_difference(PyTypeObject *target, PyTypeObject *donor)
{
    const char *difference = NULL;

    if (target == donor) {
        goto done;
    }
    if (!is_python_class(target) || !is_python_class(donor)) {
        difference = "it is written in C";
        goto done;
    }
    difference = base_difference(target, donor->tp_base);
    if (difference != NULL) {
        goto done;
    }
    if ((target->tp_dictoffset != 0) != (donor->tp_dictoffset != 0)) {
        difference = donor->tp_dictoffset != 0 ? "its instances would gain a __dict__"
                                               : "its instances would lose their __dict__";
    }
    else if ((target->tp_weaklistoffset != 0) != (donor->tp_weaklistoffset != 0)) {
        difference = donor->tp_weaklistoffset != 0 ? "its instances would gain a __weakref__"
                                                   : "its instances would lose their __weakref__";
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

/* The one of some bases whose layout a class extends (Objects/typeobject.c, best_base). Borrowed, NULL
 * if no class can extend the layouts of all of them. */
static PyTypeObject *
best_base(PyObject *bases_b)
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

/* ---- prepare ----------------------------------------------------------------------------- */

static int
check_bases(PyTypeObject *target, PyObject *bases)
{
    int ret = MP_ERROR;
    const char *difference = NULL;
    /* Borrowed. */
    PyTypeObject *best_b = NULL;

    if (!PyTuple_Check(bases) || PyTuple_GET_SIZE(bases) == 0) {
        PyErr_SetString(PyExc_TypeError, "the bases of a class are a tuple of one class or more");
        goto done;
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(bases); i++) {
        if (!PyType_Check(PyTuple_GET_ITEM(bases, i))) {
            PyErr_Format(PyExc_TypeError, "expected a class as base, not '%.200s'",
                         Py_TYPE(PyTuple_GET_ITEM(bases, i))->tp_name);
            goto done;
        }
    }
    if (!is_python_class(target)) {
        PyErr_Format(PyExc_TypeError, "'%.200s' is written in C and keeps its bases",
                     target->tp_name);
        goto done;
    }
    best_b = best_base(bases);
    if (best_b == NULL) { /* in the words of CPython's best_base */
        PyErr_SetString(PyExc_TypeError, "multiple bases have instance lay-out conflict");
        goto done;
    }
    difference = base_difference(target, best_b);
    if (difference != NULL) {
        PyErr_SetString(PyExc_ValueError, difference);
        goto done;
    }
    ret = MP_OK;
done:
    return ret;
}

static int
check_metaclass(PyTypeObject *target, PyObject *metaclass)
{
    int ret = MP_ERROR;
    /* Borrowed. */
    PyTypeObject *before_b = Py_TYPE(target), *after_b = (PyTypeObject *)metaclass;

    if (!PyType_Check(metaclass) || !PyType_IsSubtype(after_b, &PyType_Type)) {
        PyErr_Format(PyExc_TypeError, "expected a metaclass, not '%.200s'",
                     PyType_Check(metaclass) ? after_b->tp_name : Py_TYPE(metaclass)->tp_name);
        goto done;
    }
    if (!is_python_class(target)) {
        PyErr_Format(PyExc_TypeError, "'%.200s' is written in C and keeps its metaclass",
                     target->tp_name);
        goto done;
    }
    if (!has_same_sizes(before_b, after_b) || written_in_c(before_b) != written_in_c(after_b)) {
        PyErr_SetString(PyExc_ValueError, "its metaclass stores something else in a class");
        goto done;
    }
    ret = MP_OK;
done:
    return ret;
}

static int
check_class(PyObject *target)
{
    int ret = MP_ERROR;

    if (!PyType_Check(target)) {
        PyErr_Format(PyExc_TypeError, "expected a class, not '%.200s'", Py_TYPE(target)->tp_name);
        goto done;
    }
    if (!PyType_HasFeature((PyTypeObject *)target, Py_TPFLAGS_HEAPTYPE) ||
        PyType_HasFeature((PyTypeObject *)target, Py_TPFLAGS_IMMUTABLETYPE)) {
        PyErr_Format(PyExc_TypeError, "'%.200s' is written in C and cannot be changed",
                     ((PyTypeObject *)target)->tp_name);
        goto done;
    }
    ret = MP_OK;
done:
    return ret;
}

/* What `match` takes a class for, a sequence or a mapping, it has from the first class in its MRO that
 * says so (inherit_patma_flags, Objects/typeobject.c), unless it was registered itself. */
static unsigned long
inherited_collection(PyTypeObject *type_b)
{
    unsigned long flags = 0;

    for (Py_ssize_t i = 1; i < PyTuple_GET_SIZE(type_b->tp_mro) && flags == 0; i++) {
        PyObject *base_b = PyTuple_GET_ITEM(type_b->tp_mro, i);
        flags = ((PyTypeObject *)base_b)->tp_flags & MP_TYPE_COLLECTION_FLAGS;
    }
    return flags;
}

/* The flags that go with the new content. CPython sees to them only when a class is made. */
static unsigned long
flags_for(PyTypeObject *target, PyObject *content, PyTypeObject *donor)
{
    unsigned long before = target->tp_flags, collection = before & MP_TYPE_COLLECTION_FLAGS;
    unsigned long abstract = before & Py_TPFLAGS_IS_ABSTRACT;
    PyObject *now_b = PyDict_GetItemString(content, "__abstractmethods__");
    PyObject *had_b = PyDict_GetItemString(target->tp_dict, "__abstractmethods__");

    if (donor != NULL && collection == inherited_collection(target)) {
        collection = donor->tp_flags & MP_TYPE_COLLECTION_FLAGS;
    }
    if (now_b != had_b) { /* a class can have them without being abstract: if its body says so */
        abstract = now_b != NULL && PyAnySet_Check(now_b) && PySet_GET_SIZE(now_b) != 0
                       ? Py_TPFLAGS_IS_ABSTRACT
                       : 0;
    }
    return collection | abstract;
}

static PyObject *
subclasses_of(PyTypeObject *type)
{
    return PyObject_CallMethod((PyObject *)&PyType_Type, "__subclasses__", "O", type);
}

/* Append the classes derived from `type` that are the same collection as it is because it is. */
static int
add_followers(PyObject *followers, PyTypeObject *type)
{
    int ret = MP_ERROR;
    /* Owned. */
    PyObject *subclasses = subclasses_of(type);

    if (subclasses == NULL) {
        goto done;
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(subclasses); i++) {
        PyTypeObject *subclass_b = (PyTypeObject *)PyList_GET_ITEM(subclasses, i);
        unsigned long flags = subclass_b->tp_flags & MP_TYPE_COLLECTION_FLAGS;
        if (flags == (type->tp_flags & MP_TYPE_COLLECTION_FLAGS) &&
            flags == inherited_collection(subclass_b) &&
            (PyList_Append(followers, (PyObject *)subclass_b) < 0 ||
             add_followers(followers, subclass_b) < 0)) {
            goto done;
        }
    }
    ret = MP_OK;
done:
    Py_XDECREF(subclasses);
    return ret;
}

int
mp_type_prepare(mp_type_edit *edit, PyObject *target, PyObject *content, PyObject *bases,
                PyObject *metaclass, PyObject *donor)
{
    int ret = MP_ERROR;
    /* Borrowed. */
    PyTypeObject *target_b = (PyTypeObject *)target;

    memset(edit, 0, sizeof(*edit));
    if (check_class(target) < 0) {
        goto done;
    }
    if (!PyDict_CheckExact(content) || !mp_dict_has_plain_names(content)) {
        PyErr_SetString(PyExc_TypeError, "the content of a class is a plain dict with names as keys");
        goto done;
    }
    if (donor != NULL && !PyType_Check(donor)) {
        PyErr_Format(PyExc_TypeError, "expected a class, not '%.200s'", Py_TYPE(donor)->tp_name);
        goto done;
    }
    if ((bases != NULL && check_bases(target_b, bases) < 0) ||
        (metaclass != NULL && check_metaclass(target_b, metaclass) < 0)) {
        goto done;
    }
    edit->flags = flags_for(target_b, content, bases == NULL ? NULL : (PyTypeObject *)donor);
    if ((edit->flags ^ target_b->tp_flags) & MP_TYPE_COLLECTION_FLAGS) {
        edit->followers = PyList_New(0);
        if (edit->followers == NULL || add_followers(edit->followers, target_b) < 0) {
            goto done;
        }
    }
    if (mp_dict_prepare(&edit->content, target_b->tp_dict, content) < 0) {
        goto done;
    }
    edit->target = (PyTypeObject *)Py_NewRef(target);
    edit->bases = Py_XNewRef(bases);
    edit->metaclass = (PyTypeObject *)Py_XNewRef(metaclass);
    ret = MP_OK;
done:
    if (ret < 0) {
        Py_CLEAR(edit->followers);
    }
    return ret;
}

void
mp_type_discard(mp_type_edit *edit)
{
    mp_dict_discard(&edit->content);
    Py_CLEAR(edit->bases);
    Py_CLEAR(edit->metaclass);
    Py_CLEAR(edit->special);
    Py_CLEAR(edit->followers);
    Py_CLEAR(edit->target);
}

/* ---- bases and metaclass ----------------------------------------------------------------- */

int
mp_type_moves(mp_type_edit *edit)
{
    return edit->bases != NULL || edit->metaclass != NULL;
}

/* True if none of the functions of a suite is set, or there is no suite. */
static int
is_blank(const void *suite_b, size_t size)
{
    const char *bytes_b = suite_b;
    size_t i = 0;

    while (bytes_b != NULL && i < size && bytes_b[i] == 0) {
        i++;
    }
    return bytes_b == NULL || i == size;
}

/* True if instances of a class know no operator: neither arithmetic nor len(), [], await or buffers. */
static int
has_no_operators(PyTypeObject *type_b)
{
    return is_blank(type_b->tp_as_number, sizeof(PyNumberMethods)) &&
           is_blank(type_b->tp_as_sequence, sizeof(PySequenceMethods)) &&
           is_blank(type_b->tp_as_mapping, sizeof(PyMappingMethods)) &&
           is_blank(type_b->tp_as_async, sizeof(PyAsyncMethods)) &&
           is_blank(type_b->tp_as_buffer, sizeof(PyBufferProcs));
}

/* True if a class has no operators and would get none from these bases. */
static int
needs_no_operators(PyTypeObject *type_b, PyObject *bases_b)
{
    int needs = !has_no_operators(type_b);

    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(bases_b) && !needs; i++) {
        needs = !has_no_operators((PyTypeObject *)PyTuple_GET_ITEM(bases_b, i));
    }
    return !needs;
}

/* Call the setter of `__bases__`. CPython looks for the function of every slot in every class of the
 * MRO, which is nearly all that it does here (update_all_slots, Objects/typeobject.c), but leaves out
 * those of suites that the class does not have (slotptr). A class whose suites are empty, and stay so,
 * does as well without them. That takes the GIL: other threads would read these pointers meanwhile, some
 * of them twice. */
static int
call_setter(descrsetfunc set, PyObject *descriptor_b, PyTypeObject *type, PyObject *bases)
{
    int ret = MP_OK, hides = !MP_FREE_THREADED && needs_no_operators(type, bases);
    Py_ssize_t size = PyDict_GET_SIZE(type->tp_dict);
    /* Borrowed: they are parts of the class. */
    PyNumberMethods *number_b = type->tp_as_number;
    PySequenceMethods *sequence_b = type->tp_as_sequence;
    PyMappingMethods *mapping_b = type->tp_as_mapping;
    PyAsyncMethods *async_b = type->tp_as_async;
    PyBufferProcs *buffer_b = type->tp_as_buffer;

    if (hides) {
        type->tp_as_number = NULL;
        type->tp_as_sequence = NULL;
        type->tp_as_mapping = NULL;
        type->tp_as_async = NULL;
        type->tp_as_buffer = NULL;
    }
    ret = set(descriptor_b, (PyObject *)type, bases);
    if (hides) {
        type->tp_as_number = number_b;
        type->tp_as_sequence = sequence_b;
        type->tp_as_mapping = mapping_b;
        type->tp_as_async = async_b;
        type->tp_as_buffer = buffer_b;
    }
    /* An audit hook or an `mro` may have added to the class or its bases: once more, with all slots. */
    if (hides && ret == MP_OK &&
        (PyDict_GET_SIZE(type->tp_dict) != size || !needs_no_operators(type, bases)) &&
        set(descriptor_b, (PyObject *)type, bases) < 0) {
        PyErr_WriteUnraisable((PyObject *)type);
    }
    return ret;
}

/* Assign `__bases__` past CPython's check of the layout, which compares tp_base with the base that the
 * new bases lead to and refuses what would be sound (bpo-672115): so tp_base is that one already. All
 * else (the MRO of the class and of those derived from it, tp_subclasses, slots, version tags) is done
 * by CPython. On error the class is as it was. Runs what mp_type_move says. */
static int
set_bases(PyTypeObject *type, PyObject *bases)
{
    int ret = MP_ERROR, has_side_slots = mp_hidden_is_below(type);
    /* Owned. */
    PyObject *name = PyUnicode_InternFromString("__bases__");
    PyTypeObject *before = type->tp_base;
    /* Borrowed. A metaclass may have a `__bases__` of its own, and this is the one of type. */
    PyTypeObject *best_b = NULL;
    PyObject *descriptor_b = name == NULL ? NULL : _PyType_Lookup(&PyType_Type, name);

    if (descriptor_b == NULL) {
        goto done;
    }
    /* Where the bases conflict by now, CPython says so. */
    best_b = best_base(bases);
    type->tp_base = (PyTypeObject *)Py_NewRef(best_b == NULL ? before : best_b);
    ret = call_setter(Py_TYPE(descriptor_b)->tp_descr_set, descriptor_b, type, bases);
    if (ret < 0) {
        Py_SETREF(type->tp_base, before);
        goto done;
    }
    Py_DECREF(before);
    if (has_side_slots && mp_hidden_ensure(type) < 0) {
        /* It derives from what it shall, and that counts: instances leak their added slots. */
        PyErr_WriteUnraisable((PyObject *)type);
    }
done:
    Py_XDECREF(name);
    return ret;
}

/* What a class is an instance of it keeps alive only if that is a class of Python, as all objects do
 * (_PyObject_Init and type_dealloc): `type` is not counted. */
static void
exchange_metaclass(mp_type_edit *edit)
{
    /* Owned by the class if it is counted at all. */
    PyTypeObject *before = Py_TYPE(edit->target), *after = edit->metaclass;

    if (after != NULL) {
        PyType_Modified(edit->target);
        if (!PyType_HasFeature(before, Py_TPFLAGS_HEAPTYPE)) {
            Py_INCREF(before);
        }
        mp_stop_the_world();
        Py_SET_TYPE(edit->target, after);
        mp_start_the_world();
        edit->metaclass = before;
        if (!PyType_HasFeature(after, Py_TPFLAGS_HEAPTYPE)) {
            Py_DECREF(after);
        }
    }
}

int
mp_type_move(mp_type_edit *edit)
{
    int ret = MP_OK;
    /* Owned. */
    PyObject *before = NULL;

    exchange_metaclass(edit); /* for it is the new one whose `mro` counts */
    if (edit->bases != NULL) {
        before = Py_NewRef(edit->target->tp_bases);
        ret = set_bases(edit->target, edit->bases);
        if (ret == MP_OK) {
            Py_SETREF(edit->bases, Py_NewRef(before));
        }
        else {
            exchange_metaclass(edit);
        }
    }
    Py_XDECREF(before);
    return ret;
}

/* ---- slots ------------------------------------------------------------------------------- */

static int
is_special(PyObject *name_b)
{
    Py_ssize_t length = PyUnicode_GET_LENGTH(name_b);

    return length > 4 && PyUnicode_READ_CHAR(name_b, 0) == '_' &&
           PyUnicode_READ_CHAR(name_b, 1) == '_' && PyUnicode_READ_CHAR(name_b, length - 1) == '_' &&
           PyUnicode_READ_CHAR(name_b, length - 2) == '_';
}

static int
is_data_descriptor_of(PyTypeObject *metaclass_b, PyObject *name_b)
{
    PyObject *found_b = _PyType_Lookup(metaclass_b, name_b);

    return found_b != NULL && Py_TYPE(found_b)->tp_descr_set != NULL;
}

/* Append the special names of `left_b` that are not in `right_b` or, if `changed`, have another value
 * there. */
static int
note_special(PyObject *special_b, PyObject *left_b, PyObject *right_b, int changed)
{
    int ret = MP_ERROR;
    Py_ssize_t at = 0;
    /* Borrowed. */
    PyObject *name_b = NULL, *value_b = NULL, *other_b = NULL;

    while (PyDict_Next(left_b, &at, &name_b, &value_b)) {
        if (!PyUnicode_CheckExact(name_b) || !is_special(name_b)) {
            continue;
        }
        other_b = PyDict_GetItemWithError(right_b, name_b);
        /* What type itself has a data descriptor for (__doc__, __module__) belongs to no slot. */
        if (other_b != value_b && (other_b == NULL || changed) &&
            !is_data_descriptor_of(&PyType_Type, name_b) &&
            PyList_Append(special_b, name_b) < 0) {
            goto done;
        }
    }
    ret = MP_OK;
done:
    return ret;
}

/* Let CPython look again at what a slot does, in the class and in those derived from it, as setting or
 * deleting the attribute does (type_setattro, Objects/typeobject.c). A data descriptor of the metaclass
 * would run instead; so the class is of `type` meanwhile. What is to be deleted must be there, and so the
 * class has what it had (`found_b`) once more: without the GIL others may look. */
static void
renew_slot(PyTypeObject *type, PyObject *name_b, PyObject *found_b)
{
    int ret = MP_OK, is_intercepted = is_data_descriptor_of(Py_TYPE(type), name_b);
    /* Owned. */
    PyObject *value = Py_XNewRef(PyDict_GetItemWithError(type->tp_dict, name_b));
    /* Borrowed: the class keeps it. */
    PyTypeObject *metaclass_b = Py_TYPE(type);

    if (is_intercepted) {
        Py_SET_TYPE(type, &PyType_Type);
    }
    if (value == NULL) {
        PyObject *had_b = PyDict_GetItemWithError(found_b, name_b);
        ret = PyDict_SetItem(type->tp_dict, name_b, had_b == NULL ? Py_None : had_b);
    }
    if (ret == MP_OK) {
        ret = PyType_Type.tp_setattro((PyObject *)type, name_b, value);
    }
    if (is_intercepted) {
        Py_SET_TYPE(type, metaclass_b);
    }
    if (ret < 0) { /* for want of memory: the attribute itself is right */
        PyErr_WriteUnraisable((PyObject *)type);
    }
    Py_XDECREF(value);
}

/* True if a class finds the `__new__` of one in C. */
static int
has_new_of_c(PyTypeObject *type)
{
    int ret = 0;
    /* Owned. */
    PyObject *name = PyUnicode_InternFromString("__new__");
    /* Borrowed. All that stand for a tp_new share one C function (tp_new_wrapper). */
    PyObject *found_b = name == NULL ? NULL : _PyType_Lookup(type, name);
    PyObject *object_new_b = name == NULL ? NULL : _PyType_Lookup(&PyBaseObject_Type, name);

    if (name == NULL) {
        PyErr_WriteUnraisable((PyObject *)type);
        goto done;
    }
    ret = found_b != NULL && PyCFunction_Check(found_b) &&
          PyCFunction_GET_FUNCTION(found_b) == PyCFunction_GET_FUNCTION(object_new_b);
done:
    Py_XDECREF(name);
    return ret;
}

/* Bring what CPython inherits only when a class is made up to date, in a class and those derived from it.
 * Where `__new__` is one of C again, it leaves tp_new as it was for one of Python, and from then on
 * object.__new__ refuses the arguments of `__init__` (update_one_slot and object_new,
 * Objects/typeobject.c). And it takes away HAVE_VECTORCALL for a `__call__`, for good. */
static void
renew_inherited(PyTypeObject *type)
{
    int changed = 0;
    /* Owned. */
    PyObject *subclasses = NULL;
    /* Borrowed. */
    PyTypeObject *base_b = type->tp_base;

    if (type->tp_new != base_b->tp_new && has_new_of_c(type)) {
        type->tp_new = base_b->tp_new;
        changed = 1;
    }
    if (MP_TYPE_INHERITS_VECTORCALL && type->tp_call == base_b->tp_call &&
        PyType_HasFeature(base_b, Py_TPFLAGS_HAVE_VECTORCALL) &&
        !PyType_HasFeature(type, Py_TPFLAGS_HAVE_VECTORCALL)) {
        type->tp_flags |= Py_TPFLAGS_HAVE_VECTORCALL;
        changed = 1;
    }
    if (!changed) {
        goto done;
    }
    subclasses = subclasses_of(type);
    if (subclasses == NULL) {
        PyErr_WriteUnraisable((PyObject *)type);
        goto done;
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(subclasses); i++) {
        renew_inherited((PyTypeObject *)PyList_GET_ITEM(subclasses, i));
    }
done:
    Py_XDECREF(subclasses);
}

/* ---- the exchange ------------------------------------------------------------------------ */

int
mp_type_note(mp_type_edit *edit)
{
    int ret = MP_ERROR;

    Py_XSETREF(edit->special, PyList_New(0));
    if (edit->special == NULL || mp_dict_note(&edit->content) < 0 ||
        note_special(edit->special, edit->content.found, edit->content.content, 1) < 0 ||
        note_special(edit->special, edit->content.content, edit->content.found, 0) < 0) {
        goto done;
    }
    edit->same = !mp_type_moves(edit) && mp_dict_is_idle(&edit->content) &&
                 ((edit->flags ^ edit->target->tp_flags) & MP_TYPE_FLAGS) == 0;
    edit->noted = 1;
    ret = MP_OK;
done:
    return ret;
}

void
mp_type_close(mp_type_edit *edit)
{
    if (!edit->same) {
        mp_type_close_caches(edit->target);
    }
}

int
mp_type_is_closed(mp_type_edit *edit)
{
    return edit->same || mp_type_is_closed_to_caches(edit->target);
}

int
mp_type_is_current(mp_type_edit *edit)
{
    return mp_dict_is_current(&edit->content);
}

/* Exchange the flags of the class, and give those that follow it what it says of collections. */
static void
exchange_flags(mp_type_edit *edit)
{
    unsigned long before = edit->target->tp_flags, collection = edit->flags & MP_TYPE_COLLECTION_FLAGS;

    edit->target->tp_flags = (before & ~MP_TYPE_FLAGS) | edit->flags;
    edit->flags = before & MP_TYPE_FLAGS;
    for (Py_ssize_t i = 0; edit->followers != NULL && i < PyList_GET_SIZE(edit->followers); i++) {
        PyTypeObject *follower_b = (PyTypeObject *)PyList_GET_ITEM(edit->followers, i);
        follower_b->tp_flags = (follower_b->tp_flags & ~MP_TYPE_COLLECTION_FLAGS) | collection;
    }
}

int
mp_type_exchange(mp_type_edit *edit)
{
    int ret = MP_OK;

    if (!edit->same) {
        mp_type_forget_caches(edit->target);
        ret = mp_dict_exchange(&edit->content);
        if (ret == MP_OK) {
            exchange_flags(edit);
        }
    }
    return ret;
}

void
mp_type_take_back(mp_type_edit *edit)
{
    if (!edit->same) {
        mp_dict_take_back(&edit->content);
        exchange_flags(edit);
    }
}

void
mp_type_renew(mp_type_edit *edit)
{
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(edit->special); i++) {
        renew_slot(edit->target, PyList_GET_ITEM(edit->special, i), edit->content.found);
    }
}

/* Open the caches of a class and of those derived from it, which were invalidated with it. */
static void
open_caches(PyTypeObject *type)
{
    /* Owned. */
    PyObject *subclasses = NULL;

    if (!mp_type_open_caches(type)) {
        goto done;
    }
    subclasses = subclasses_of(type);
    if (subclasses == NULL) {
        PyErr_WriteUnraisable((PyObject *)type);
        goto done;
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(subclasses); i++) {
        open_caches((PyTypeObject *)PyList_GET_ITEM(subclasses, i));
    }
done:
    Py_XDECREF(subclasses);
}

void
mp_type_leave(mp_type_edit *edit, int done)
{
    if (edit->noted) {
        edit->noted = 0;
        if (edit->bases != NULL || PyList_GET_SIZE(edit->special) > 0) {
            renew_inherited(edit->target);
        }
        if (done) {
            mp_dict_turn(&edit->content);
        }
        open_caches(edit->target);
    }
}

/* ---- the odd ends ------------------------------------------------------------------------ */

PyObject *
mp_type_own_getset(PyObject *type, PyObject *descriptor)
{
    PyObject *own = NULL;

    /* The definitions of these two are static. Those of the members of a class lie in the class and go
     * with it. */
    if (!PyType_Check(type) || !Py_IS_TYPE(descriptor, &PyGetSetDescr_Type) ||
        (PyUnicode_CompareWithASCIIString(((PyDescrObject *)descriptor)->d_name, "__dict__") != 0 &&
         PyUnicode_CompareWithASCIIString(((PyDescrObject *)descriptor)->d_name, "__weakref__") != 0)) {
        PyErr_SetString(PyExc_TypeError, "expected a class, and a __dict__ or __weakref__ descriptor");
        goto done;
    }
    own = PyDescr_NewGetSet((PyTypeObject *)type, ((PyGetSetDescrObject *)descriptor)->d_getset);
done:
    return own;
}

/* The grave for classes that store what `storage` does. Returns a new reference. */
static PyObject *
grave_for(PyTypeObject *storage, PyObject *grave, PyObject *graves)
{
    /* Owned. A class is a key by its address: its metaclass may hash it as it likes. */
    PyObject *key = PyLong_FromVoidPtr(storage), *found = NULL;

    if (key == NULL) {
        goto done;
    }
    found = Py_XNewRef(PyDict_GetItemWithError(graves, key));
    if (found == NULL && !PyErr_Occurred()) {
        found = PyObject_CallFunction((PyObject *)&PyType_Type, "s(OO){s()}",
                                      ((PyTypeObject *)grave)->tp_name, grave, storage, "__slots__");
        if (found != NULL && PyDict_SetItem(graves, key, found) < 0) {
            Py_CLEAR(found);
        }
    }
done:
    Py_XDECREF(key);
    return found;
}

int
mp_type_bury(PyObject *type, PyObject *grave, PyObject *graves)
{
    int ret = MP_ERROR;
    /* Owned. */
    PyObject *bases = NULL, *own_grave = NULL;
    /* Borrowed. The metaclass is kept by the class. */
    PyTypeObject *metaclass_b = Py_TYPE(type), *storage_b = NULL;

    if (!PyType_Check(type) || !is_python_class((PyTypeObject *)type) || !PyType_Check(grave) ||
        !is_python_class((PyTypeObject *)grave)) {
        PyErr_SetString(PyExc_TypeError, "expected two classes that are written in Python");
        goto done;
    }
    storage_b = storage_of((PyTypeObject *)type);
    own_grave = storage_b == storage_of((PyTypeObject *)grave) ? Py_NewRef(grave)
                                                               : grave_for(storage_b, grave, graves);
    bases = own_grave == NULL ? NULL : PyTuple_Pack(1, own_grave);
    if (bases == NULL) {
        goto done;
    }
    Py_SET_TYPE(type, &PyType_Type); /* or an `mro` of the metaclass would run */
    ret = set_bases((PyTypeObject *)type, bases);
    Py_SET_TYPE(type, metaclass_b);
done:
    Py_XDECREF(bases);
    Py_XDECREF(own_grave);
    return ret;
}
