//! The arguments of a callable as the fields of the struct that serde reads.

use proc_macro2::TokenStream as Tokens;
use quote::{format_ident, quote};
use syn::{Attribute, Expr, FnArg, Ident, Pat, PathArguments, Signature, Type};

/// What the arguments become.
pub(crate) struct Params {
    /// `#[…] name: Type`
    pub(crate) fields: Vec<Tokens>,
    /// The functions that make defaults.
    pub(crate) defaults: Vec<Tokens>,
    pub(crate) names: Vec<Ident>,
}

/// Reads the arguments, and takes off them the attributes that a function may not have.
pub(crate) fn take(signature: &mut Signature) -> syn::Result<Params> {
    let mut params = Params { fields: Vec::new(), defaults: Vec::new(), names: Vec::new() };
    for argument in &mut signature.inputs {
        let FnArg::Typed(argument) = argument else {
            return Err(syn::Error::new_spanned(argument, "a callable is a function, not a method"));
        };
        let Pat::Ident(pattern) = argument.pat.as_ref() else {
            return Err(syn::Error::new_spanned(&argument.pat, "a param needs a name, for jobs to give it"));
        };
        let (name, kind) = (pattern.ident.clone(), argument.ty.clone());
        if let Type::Reference(reference) = kind.as_ref() {
            return Err(syn::Error::new_spanned(reference, "a param is owned, such as `String` in place of `&str`"));
        }
        let mut attributes = std::mem::take(&mut argument.attrs);
        let default = take_default(&mut attributes)?;
        let destructive = take_word(&mut attributes, "destructive")?.then(|| {
            // Read by whoever starts a run: the page asks for a typed confirmation.
            quote! { #[schemars(extend("destructive" = true))] }
        });
        let serde_default = if let Some(value) = default {
            let function = format_ident!("__default_{name}");
            let path = function.to_string();
            params.defaults.push(quote! { fn #function() -> #kind { #value } });
            quote! { #[serde(default = #path)] }
        } else if is_option(&kind) {
            // With a schema that says so: serde takes a missing `Option` as none by itself.
            quote! { #[serde(default)] }
        } else {
            Tokens::new()
        };
        params.fields.push(quote! { #(#attributes)* #destructive #serde_default #name: #kind });
        params.names.push(name);
    }
    Ok(params)
}

/// The value of `#[default(value)]`, which is taken out.
fn take_default(attributes: &mut Vec<Attribute>) -> syn::Result<Option<Expr>> {
    let Some(at) = attributes.iter().position(|attribute| attribute.path().is_ident("default")) else {
        return Ok(None);
    };
    attributes.remove(at).parse_args().map(Some)
}

/// Whether there is an attribute of that name and nothing more, which is taken out.
fn take_word(attributes: &mut Vec<Attribute>, word: &str) -> syn::Result<bool> {
    let Some(at) = attributes.iter().position(|attribute| attribute.path().is_ident(word)) else {
        return Ok(false);
    };
    attributes.remove(at).meta.require_path_only().map(|_| true)
}

fn is_option(kind: &Type) -> bool {
    let Type::Path(path) = kind else { return false };
    let last = path.path.segments.last();
    last.is_some_and(|last| last.ident == "Option" && matches!(last.arguments, PathArguments::AngleBracketed(_)))
}
