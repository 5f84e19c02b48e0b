//! The explorer's own kit of components. Each file is one component, or one small family.

pub(crate) mod banner;
pub(crate) mod button;
pub(crate) mod copy;
pub(crate) mod drawer;
pub(crate) mod empty;
pub(crate) mod facts;
pub(crate) mod fault;
pub(crate) mod field;
pub(crate) mod hash;
pub(crate) mod icon;
pub(crate) mod later;
pub(crate) mod number;
pub(crate) mod page;
pub(crate) mod proof;
pub(crate) mod skeleton;
pub(crate) mod tabs;
pub(crate) mod tensor;
pub(crate) mod time;
pub(crate) mod trust;
pub(crate) mod trust_drawer;
