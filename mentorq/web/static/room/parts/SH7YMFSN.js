import{a,b,c,d}from"./QVUIQ5M3.js";import"./2H3CGJ6S.js";import"./UC7JPOMO.js";export{d as css,b as cssCompletionSource,c as cssLanguage,a as defineCSSCompletionSource};
